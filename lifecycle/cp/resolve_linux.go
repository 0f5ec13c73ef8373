package cp

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
)

// maxLinks is how many links the kernel would follow, path_resolution(7).
const maxLinks = 40

// Host is the machine's own tree, in which absolute paths mean what they say.
func Host() (*Root, error) {
	dir, err := linux.Open("/", unix.O_PATH|unix.O_DIRECTORY)
	return &Root{dir: dir}, err
}

// Inside is the tree below a directory, which nothing leads out of.
func Inside(dir *os.File) *Root {
	return &Root{dir: dir, resolve: unix.RESOLVE_IN_ROOT}
}

func (r *Root) open(p string, flags int) (*os.File, error) {
	if p == "" {
		p = "."
	}
	return linux.OpenIn(r.dir, p, flags|unix.O_PATH, 0, r.resolve)
}

// Source finds what is to be copied. A link is followed if the user wants it, or if
// the path says that there is a directory.
func (r *Root) Source(p string, follow bool) (*Source, error) {
	flags := unix.O_NOFOLLOW
	if follow || assertsDir(p) {
		flags = 0
	}
	f, err := r.open(p, flags)
	if err != nil {
		return nil, err
	}
	s := &Source{Name: path.Base(path.Clean("/" + p)), IsDir: linux.IsDir(f), file: f}
	if isContents(p) || s.Name == "/" || path.Base(p) == ".." {
		s.Name = "."
	}
	if assertsDir(p) && !s.IsDir {
		return nil, errors.Join(fmt.Errorf("%s: %w", p, unix.ENOTDIR), f.Close())
	}
	return s, nil
}

// Target finds where something is to be put. Links are followed, also one to
// nothing, whose target is then made.
func (r *Root) Target(p string) (*Target, error) {
	t := &Target{path: p, asserted: assertsDir(p)}
	f, err := r.open(strings.TrimRight(p, "/"), 0)
	switch {
	case err == nil && linux.IsDir(f):
		t.Exists, t.IsDir, t.dir = true, true, f
		return t, nil
	case err == nil:
		t.Exists = true
		f.Close()
	case !errors.Is(err, unix.ENOENT):
		return nil, err
	}
	err = r.above(t, p)
	return t, err
}

// above opens the directory that holds, or will hold, the last name of a path.
func (r *Root) above(t *Target, p string) error {
	for range maxLinks {
		up, base := path.Split(strings.TrimRight(p, "/"))
		if base == "." || base == ".." { // its directory is missing
			return nil
		}
		dir, err := r.open(up, unix.O_DIRECTORY)
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
			return nil
		}
		if err != nil {
			return err
		}
		buf := make([]byte, unix.PathMax)
		n, err := unix.Readlinkat(int(dir.Fd()), base, buf)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) { // it is no link, or nothing
			t.dir, t.name = dir, base
			return nil
		}
		if err = errors.Join(linux.Failed(err, "readlinkat(%q, %q)", dir.Name(), base), dir.Close()); err != nil {
			return err
		}
		if p = string(buf[:n]); !bytes.HasPrefix(buf, []byte("/")) {
			p = up + p
		}
	}
	return fmt.Errorf("%s: %w", t.path, unix.ELOOP)
}
