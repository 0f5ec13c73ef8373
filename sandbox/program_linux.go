package sandbox

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/learnbox/learnbox/internal/atomicfile"
	"github.com/learnbox/learnbox/internal/linux"
)

// openInit opens the program that becomes the init, sealed. The embedded one is
// written to dir once and run from there: a file that is mapped from the page
// cache starts faster than one that is copied for each container. Only root
// can write in dir.
func openInit(dir, empty string) (*os.File, error) {
	if initProgram == "" {
		return linux.SealedProgram("/proc/self/exe", empty)
	}
	path := filepath.Join(dir, InitName+"-"+initDigest)
	f, err := linux.SealedProgram(path, empty)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := atomicfile.Write(path, []byte(initProgram), 0o500); err != nil {
		return nil, err
	}
	return linux.SealedProgram(path, empty)
}
