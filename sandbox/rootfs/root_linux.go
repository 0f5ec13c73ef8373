package rootfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
)

// A Root is the directory that becomes, or has become, the container's "/".
type Root struct{ dir *os.File }

// CutPropagation makes every mount of this mount namespace private, so that
// no mount made from here on reaches the host. With slave, for a volume that
// asks for it, the host's later mounts still come in.
func CutPropagation(slave bool) error {
	if slave {
		return linux.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, "")
	}
	return linux.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
}

// Mount mounts the overlay at target. A kernel before 5.10 does not know the
// option for Volatile and says EINVAL; then it is left out.
func (o Overlay) Mount(target string) error {
	if o.Volatile {
		err := linux.Mount("overlay", target, "overlay", 0, o.options()+",volatile")
		if !errors.Is(err, unix.EINVAL) {
			return err
		}
	}
	return linux.Mount("overlay", target, "overlay", 0, o.options())
}

// Open opens dir, which must be a mount point already, as the future root.
func Open(dir string) (*Root, error) {
	f, err := linux.Open(dir, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	return &Root{f}, nil
}

// Close lets go of the directory.
func (r *Root) Close() error { return r.dir.Close() }

// Pivot makes r the root of this mount namespace and detaches the old one.
// Naming "." twice stacks the old root on the new one, so no directory for it
// is needed inside the image; the detach takes it off again (pivot_root(2)).
func (r *Root) Pivot() error {
	if err := linux.Fchdir(r.dir); err != nil {
		return fmt.Errorf("enter the new root: %w", err)
	}
	if err := linux.PivotRoot(".", "."); err != nil {
		return err
	}
	if err := linux.Unmount("."); err != nil {
		return err
	}
	return linux.Chdir("/")
}

// SetReadOnly makes the one mount at a directory of the container read-only;
// what is mounted below keeps its own flags.
func (r *Root) SetReadOnly(name string) error {
	dir, err := r.realDir(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	return linux.SetMountFlags(dir, unix.MS_RDONLY, false)
}

// realDir opens the directory at an absolute path of the container, makes it
// if it is missing, and refuses symbolic links anywhere on the way.
func (r *Root) realDir(name string) (*os.File, error) {
	return r.openDir(name, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_SYMLINKS)
}

// openDir opens a directory below the root, making what is missing.
func (r *Root) openDir(name string, resolve uint64) (*os.File, error) {
	f, err := linux.OpenIn(r.dir, rel(name), unix.O_PATH|unix.O_DIRECTORY, 0, resolve)
	switch {
	case err == nil:
		return f, nil
	case errors.Is(err, unix.ELOOP) && resolve&unix.RESOLVE_NO_SYMLINKS != 0:
		return nil, &SymlinkError{name}
	case !errors.Is(err, fs.ErrNotExist) || name == "/":
		return nil, err
	}
	parent, err := r.openDir(path.Dir(name), resolve)
	if err != nil {
		return nil, err
	}
	defer parent.Close()
	err = linux.MkdirAt(parent, path.Base(name), 0o755)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%s is a symbolic link in the image that leads nowhere: %w", name, err)
	}
	if err != nil {
		return nil, err
	}
	return linux.OpenIn(parent, path.Base(name), unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0, unix.RESOLVE_BENEATH)
}

// OpenDir opens a directory of the container, which must be there.
func (r *Root) OpenDir(name string) (*os.File, error) {
	return linux.OpenIn(r.dir, rel(name), unix.O_PATH|unix.O_DIRECTORY, 0, unix.RESOLVE_IN_ROOT)
}

// MakeDir opens a directory of the container, through the links that the image
// has, and makes what is missing.
func (r *Root) MakeDir(name string) (*os.File, error) { return r.openDir(name, unix.RESOLVE_IN_ROOT) }

// openFile opens a file below the root as a place to mount on. A missing one
// is made, empty; so is the target of a link that leads nowhere, which takes
// the link's place (systemd images ship such an /etc/resolv.conf).
func (r *Root) openFile(name string) (*os.File, error) {
	f, err := linux.OpenIn(r.dir, rel(name), unix.O_PATH, 0, unix.RESOLVE_IN_ROOT)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	parent, err := r.openDir(path.Dir(name), unix.RESOLVE_IN_ROOT)
	if err != nil {
		return nil, err
	}
	defer parent.Close()
	if err := linux.UnlinkAt(parent, path.Base(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	made, err := linux.OpenIn(parent, path.Base(name), unix.O_CREAT|unix.O_EXCL|unix.O_RDONLY|unix.O_NOFOLLOW, 0o644, unix.RESOLVE_BENEATH)
	if err != nil {
		return nil, err
	}
	defer made.Close()
	return linux.OpenIn(parent, path.Base(name), unix.O_PATH|unix.O_NOFOLLOW, 0, unix.RESOLVE_BENEATH)
}

// rel turns the container's absolute path into one relative to the root.
func rel(name string) string {
	if r := strings.TrimPrefix(path.Clean("/"+name), "/"); r != "" {
		return r
	}
	return "."
}
