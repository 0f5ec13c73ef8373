package sandbox

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/atomicfile"
	"github.com/learnbox/learnbox/internal/linux"
)

// OpenProgram opens the init's program, which is the monitor's too, for
// StartProgram. dir is where it is kept between runs, empty an empty directory;
// both are absolute.
func OpenProgram(dir, empty string) (*os.File, error) { return openInit(dir, empty) }

// openInit opens the program that becomes the init, sealed. The embedded one is
// written to dir once and run from there: a file that is mapped from the page
// cache starts faster than one that is copied for each container. Only root
// can write in dir.
//
// Without a dir this process was started from such a file itself, as a monitor is, and
// hands that on: what it was sealed by holds for as long as anybody has it open.
func openInit(dir, empty string) (*os.File, error) {
	if dir == "" {
		return linux.Open("/proc/self/exe", unix.O_RDONLY)
	}
	if initProgram == "" {
		return linux.SealedProgram("/proc/self/exe", empty)
	}
	path := filepath.Join(dir, InitName+"-"+initDigest)
	f, err := linux.SealedProgram(path, empty)
	switch {
	case err == nil && ours(f):
		return f, nil
	case err == nil:
		f.Close()
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := atomicfile.Write(path, []byte(initProgram), 0o500); err != nil {
		return nil, err
	}
	return linux.SealedProgram(path, empty)
}

// ours reports whether a file is as openInit has written it: whoever could
// write there would be root in the next container's birth.
func ours(f *os.File) bool {
	st, err := linux.Stat(f)
	return err == nil && st.Mode == unix.S_IFREG|0o500 && st.Uid == uint32(os.Geteuid()) && st.Size == int64(len(initProgram))
}
