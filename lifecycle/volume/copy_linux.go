package volume

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
)

// A copier copies a tree that a stranger made. It walks by descriptors and follows no
// link. What it makes is nobody else's yet, so names are safe there.
type copier struct {
	ctx   context.Context      //nolint:containedctx // it lives as long as one copy
	root  *os.File             // of the copy
	links map[[2]uint64]string // device and inode of files with several names, and the copy's path
}

// still keeps a step on the way below its directory, and off every link.
const still = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS

// dir copies what is in a directory, and then what it is like: the entries change its times.
func (c *copier) dir(from, to *os.File, at string) error {
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	names, err := from.Readdirnames(-1)
	if err != nil {
		return fmt.Errorf("read %s: %w", at, err)
	}
	for _, name := range names {
		if err := c.entry(from, to, name, path.Join(at, name)); err != nil {
			return err
		}
	}
	st, err := linux.Stat(from)
	if err != nil {
		return err
	}
	return copyAttributes(from, to, st)
}

func (c *copier) entry(from, to *os.File, name, at string) error {
	f, err := linux.OpenIn(from, name, unix.O_PATH|unix.O_NOFOLLOW, 0, still)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := linux.Stat(f)
	if err != nil {
		return err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return c.file(f, to, name, at, st)
	case unix.S_IFDIR:
		return c.subdir(f, to, name, at)
	case unix.S_IFLNK:
		return copyLink(f, to, name, st)
	case unix.S_IFSOCK: // it is nothing without its program
		return nil
	}
	if err := linux.MknodAt(to, name, st.Mode&unix.S_IFMT|0o600, unix.Major(st.Rdev), unix.Minor(st.Rdev)); err != nil {
		return err
	}
	return copyOwnerModeTimes(to, name, st)
}

func (c *copier) subdir(f, to *os.File, name, at string) error {
	if err := linux.MkdirAt(to, name, 0o700); err != nil {
		return err
	}
	from, err := linux.Open(linux.FDPath(f), unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer from.Close()
	below, err := linux.OpenIn(to, name, unix.O_RDONLY|unix.O_DIRECTORY, 0, still)
	if err != nil {
		return err
	}
	defer below.Close()
	return c.dir(from, below, at)
}

func (c *copier) file(f, to *os.File, name, at string, st unix.Stat_t) (err error) {
	id := [2]uint64{uint64(st.Dev), st.Ino} //nolint:unconvert // Dev is narrower on other architectures
	if first, ok := c.links[id]; ok {
		return linux.Failed(unix.Linkat(int(c.root.Fd()), first, int(to.Fd()), name, 0), "linkat(%q, %q, %q, %q, 0)", c.root.Name(), first, to.Name(), name)
	}
	if st.Nlink > 1 {
		c.links[id] = at
	}
	data, err := linux.Open(linux.FDPath(f), unix.O_RDONLY) // a regular file: no open of one has an effect
	if err != nil {
		return err
	}
	defer data.Close()
	made, err := linux.OpenIn(to, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW, 0o600, still)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, made.Close()) }()
	if _, err := io.Copy(made, data); err != nil {
		return fmt.Errorf("copy %s: %w", at, err)
	}
	return copyAttributes(data, made, st)
}

func copyLink(f, to *os.File, name string, st unix.Stat_t) error {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(f.Fd()), "", buf)
	if err := linux.Failed(err, "readlinkat(%q, \"\")", name); err != nil {
		return err
	}
	if err := linux.SymlinkAt(string(buf[:n]), to, name); err != nil {
		return err
	}
	return copyOwnerModeTimes(to, name, st)
}

// copyOwnerModeTimes is copyAttributes for what cannot be opened without an effect. A link
// has no permissions of its own.
func copyOwnerModeTimes(dir *os.File, name string, st unix.Stat_t) error {
	err := unix.Fchownat(int(dir.Fd()), name, int(st.Uid), int(st.Gid), unix.AT_SYMLINK_NOFOLLOW)
	if err == nil && st.Mode&unix.S_IFMT != unix.S_IFLNK {
		err = unix.Fchmodat(int(dir.Fd()), name, st.Mode&0o7777, 0)
	}
	if err == nil {
		err = unix.UtimesNanoAt(int(dir.Fd()), name, []unix.Timespec{st.Atim, st.Mtim}, unix.AT_SYMLINK_NOFOLLOW)
	}
	return linux.Failed(err, "copy owner, mode and times to %q in %q", name, dir.Name())
}

// copyAttributes makes one open file or directory like another. The owner comes first:
// chown(2) takes set-user-ID and file capabilities away.
func copyAttributes(from, to *os.File, st unix.Stat_t) error {
	fd := int(to.Fd())
	if err := linux.Failed(unix.Fchown(fd, int(st.Uid), int(st.Gid)), "fchown(%q, %d, %d)", to.Name(), st.Uid, st.Gid); err != nil {
		return err
	}
	if err := linux.Failed(unix.Fchmod(fd, st.Mode&0o7777), "fchmod(%q, %#o)", to.Name(), st.Mode&0o7777); err != nil {
		return err
	}
	if err := copyXattrs(from, to); err != nil {
		return err
	}
	return linux.Failed(unix.UtimesNanoAt(unix.AT_FDCWD, linux.FDPath(to), []unix.Timespec{st.Atim, st.Mtim}, 0), "utimensat(%q)", to.Name())
}

// copyXattrs copies the extended attributes that an image can have: the program's own, and
// file capabilities. Those of overlayfs and of the machine's policy stay where they are.
func copyXattrs(from, to *os.File) error {
	buf := make([]byte, 64<<10) // the kernel's limit of a list, and of a value (xattr(7))
	n, err := unix.Flistxattr(int(from.Fd()), buf)
	if errors.Is(err, unix.ENOTSUP) {
		return nil
	}
	if err := linux.Failed(err, "flistxattr(%q)", from.Name()); err != nil {
		return err
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(buf[:n]), "\x00"), "\x00") {
		if name != "security.capability" && !strings.HasPrefix(name, "user.") {
			continue
		}
		n, err := unix.Fgetxattr(int(from.Fd()), name, buf)
		if err == nil {
			err = unix.Fsetxattr(int(to.Fd()), name, buf[:n], 0)
		}
		if err != nil && !errors.Is(err, unix.ENOTSUP) {
			return linux.Failed(err, "fsetxattr(%q, %q)", to.Name(), name)
		}
	}
	return nil
}
