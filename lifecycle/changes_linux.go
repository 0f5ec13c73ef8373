package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
)

// Changes lists what a container has changed, each directory before what is in it,
// as overlayfs wrote it down (Documentation/filesystems/overlayfs.rst, "whiteouts
// and opaque directories"): what is in upper was added, or stands over something in
// lower; a character device 0:0 there says that the one in lower is gone; and
// the attribute trusted.overlay.opaque that all in lower is, below that directory.
//
// Strangers made both trees: they are walked by descriptors, and no link is followed.
func (c *Containers) Changes(ctx context.Context, ct Container) ([]Change, error) {
	upper, err := linux.Open(c.file(ct.ID, "upper"), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW)
	if err != nil {
		return nil, err
	}
	defer upper.Close()
	lower, err := linux.Open(ct.Rootfs, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW)
	if err != nil {
		return nil, err
	}
	defer lower.Close()
	w := changeWalk{ctx: ctx}
	err = w.dir("/", upper, lower)
	return w.found, err
}

type changeWalk struct {
	ctx   context.Context //nolint:containedctx // it lives as long as one call of Changes
	found []Change
}

// dir compares a directory in upper with the one in lower, which may be nil.
func (w *changeWalk) dir(at string, upper, lower *os.File) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	names, err := upper.Readdirnames(-1)
	if err != nil {
		return fmt.Errorf("read %s: %w", at, err)
	}
	if lower != nil && isOpaque(upper) {
		old, err := lower.Readdirnames(-1)
		if err != nil {
			return fmt.Errorf("read %s: %w", at, err)
		}
		names = append(names, old...)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if err := w.entry(path.Join(at, name), name, upper, lower); err != nil {
			return err
		}
	}
	return nil
}

func (w *changeWalk) entry(at, name string, upper, lower *os.File) error {
	now, err := statAt(upper, name)
	old, oldErr := statAt(lower, name)
	switch {
	case errors.Is(err, unix.ENOENT) && oldErr == nil: // the directory is opaque
		w.found = append(w.found, Change{Deleted, at})
		return nil
	case errors.Is(err, unix.ENOENT): // removed while we look
		return nil
	case err != nil:
		return err
	case now.Mode&unix.S_IFMT == unix.S_IFCHR && now.Rdev == 0:
		if oldErr == nil {
			w.found = append(w.found, Change{Deleted, at})
		}
		return nil
	}
	isDir := now.Mode&unix.S_IFMT == unix.S_IFDIR
	wasDir := oldErr == nil && old.Mode&unix.S_IFMT == unix.S_IFDIR
	before := len(w.found)
	switch {
	case oldErr != nil && ours(at, now):
		return nil
	case oldErr != nil:
		w.found = append(w.found, Change{Added, at})
	case !isDir || !wasDir || !sameDir(now, old):
		w.found = append(w.found, Change{Changed, at})
	}
	if !isDir {
		return nil
	}
	if err := w.below(at, name, upper, lower, wasDir); err != nil {
		return err
	}
	switch inside := len(w.found) - before; {
	case inside == 1 && oldErr == nil && holdsOurs(at) && now.Mode == old.Mode && now.Uid == old.Uid && now.Gid == old.Gid:
		w.found = w.found[:before] // only its time is another, and that was us
	case inside > 0 && w.found[before].Path != at: // Docker lists the way to what changed
		w.found = slices.Insert(w.found, before, Change{Changed, at})
	}
	return nil
}

func (w *changeWalk) below(at, name string, upper, lower *os.File, both bool) error {
	up, err := openDirAt(upper, name)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) { // changed while we look
		return nil
	}
	if err != nil {
		return err
	}
	defer up.Close()
	if !both {
		return w.dir(at, up, nil)
	}
	down, err := openDirAt(lower, name)
	if err != nil {
		return err
	}
	defer down.Close()
	return w.dir(at, up, down)
}

func openDirAt(dir *os.File, name string) (*os.File, error) {
	return linux.OpenIn(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_SYMLINKS)
}

func statAt(dir *os.File, name string) (st unix.Stat_t, err error) {
	if dir == nil {
		return st, unix.ENOENT
	}
	err = unix.Fstatat(int(dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW)
	return st, linux.Failed(err, "fstatat(%q, %q, AT_SYMLINK_NOFOLLOW)", dir.Name(), name)
}

func isOpaque(dir *os.File) bool {
	value := make([]byte, 1)
	n, err := unix.Fgetxattr(int(dir.Fd()), "trusted.overlay.opaque", value)
	return err == nil && n == 1 && value[0] == 'y'
}

// sameDir reports whether a directory was only copied up, on the way to something.
func sameDir(a, b unix.Stat_t) bool {
	return a.Mode == b.Mode && a.Uid == b.Uid && a.Gid == b.Gid && a.Mtim == b.Mtim
}

// ours reports whether learnbox made an empty file or directory for a mount that
// every container has. Docker has these in a layer of their own and does not list them.
func ours(at string, st unix.Stat_t) bool {
	switch at {
	case "/dev", "/proc", "/sys":
		return st.Mode&unix.S_IFMT == unix.S_IFDIR
	case "/etc/hosts", "/etc/hostname", "/etc/resolv.conf":
		return st.Mode&unix.S_IFMT == unix.S_IFREG && st.Size == 0
	}
	return false
}

func holdsOurs(at string) bool { return at == "/etc" }
