package unpack

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// make makes one entry in the current directory of the tree, in the place of
// whatever is called base there.
func (u *unpacker) make(base string, h *tar.Header, body io.Reader) error {
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeCont, tar.TypeGNUSparse: // contiguous files are files: tar(5)
		return u.makeFile(base, h, body)
	case tar.TypeDir:
		return u.makeDirectory(base, h)
	case tar.TypeLink:
		return u.makeHardLink(base, h)
	case tar.TypeSymlink:
		return u.makeLink(base, h)
	case tar.TypeFifo:
		return u.makeNode(base, h, unix.S_IFIFO, 0)
	case tar.TypeChar:
		return u.makeNode(base, h, unix.S_IFCHR, unix.Mkdev(uint32(h.Devmajor), uint32(h.Devminor)))
	}
	return fmt.Errorf("the entry is of type %q, which tar archives of layers do not have", h.Typeflag)
}

// rootEntry sets owner, mode and times of the root directory itself.
func (u *unpacker) rootEntry(h *tar.Header) error {
	if h.Typeflag != tar.TypeDir {
		return errors.New("the root of the file system can only be a directory")
	}
	if err := u.tree.leave(); err != nil {
		return err
	}
	return u.describeDirectory(u.tree.root, h)
}

// makeDirectory makes a directory. One that is there stays, with all that is in it.
// Where a link to a directory stands, the link is replaced, as in Docker.
func (u *unpacker) makeDirectory(base string, h *tar.Header) error {
	at := u.tree.at.fd
	err := unix.Mkdirat(at, base, 0o700)
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return failed(err, "mkdirat(%s, 0700)", shortName(base))
	}
	fd, err := openDirectory(at, base)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		if err := u.tree.clear(base); err != nil {
			return err
		}
		if err := unix.Mkdirat(at, base, 0o700); err != nil {
			return failed(err, "mkdirat(%s, 0700)", shortName(base))
		}
		fd, err = openDirectory(at, base)
	}
	if err != nil {
		return failed(err, "openat2(%s, O_DIRECTORY|O_NOFOLLOW)", shortName(base))
	}
	return errors.Join(u.describeDirectory(fd, h), unix.Close(fd))
}

// describeDirectory gives an open directory what its entry says about it.
func (u *unpacker) describeDirectory(fd int, h *tar.Header) error {
	if err := setOwnerMode(fd, h); err != nil {
		return err
	}
	if err := dropXattrs(fd); err != nil {
		return err
	}
	if err := setXattrs(fd, h, u.skipper(h)); err != nil {
		return err
	}
	atime, mtime := times(h)
	return setTimes(fd, ".", atime, mtime)
}

// makeFile makes a regular file. The file is always a new one: writing into the
// old one would change its other names too, and follow it if it were a link.
func (u *unpacker) makeFile(base string, h *tar.Header, body io.Reader) error {
	if isSparse(h) {
		// Its holes are not in the stream, so they have not been counted there.
		if err := u.budget.addBytes(h.Size); err != nil {
			return err
		}
	}
	fd := -1
	err := u.tree.place(base, func() (err error) {
		fd, err = unix.Openat(u.tree.at.fd, base, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		return err
	})
	if err != nil {
		return failed(err, "openat(%s, O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW, 0600)", shortName(base))
	}
	err = u.writeFile(fd, h, body)
	if err = errors.Join(err, failed(unix.Close(fd), "close")); err != nil {
		return err
	}
	atime, mtime := times(h)
	return setTimes(u.tree.at.fd, base, atime, mtime)
}

func (u *unpacker) writeFile(fd int, h *tar.Header, body io.Reader) error {
	if err := u.copyBody(fd, h.Size, body); err != nil {
		return err
	}
	if err := setOwnerMode(fd, h); err != nil {
		return err
	}
	return setXattrs(fd, h, u.skipper(h))
}

// makeHardLink gives a file of the tree another name. The target is a name in the
// archive, so it is resolved like one; a link as the last component is the
// target, and is not followed: linkat(2) without AT_SYMLINK_FOLLOW. The owner and
// mode in the entry are those of the target, which has them already.
func (u *unpacker) makeHardLink(base string, h *tar.Header) error {
	target, err := cleanName(h.Linkname)
	if err != nil {
		return fmt.Errorf("hard link to %s: %w", shortName(h.Linkname), err)
	}
	dir, name := splitName(target)
	from, ino := u.tree.at.fd, u.tree.at.ino
	if dir != u.tree.at.path {
		if from, err = u.tree.open(dir); err != nil {
			return failed(err, "openat2(%s, O_DIRECTORY, RESOLVE_IN_ROOT)", shortName(dir))
		}
		defer func() { _ = unix.Close(from) }()
		if ino, err = inode(from); err != nil {
			return err
		}
	}
	if ino == u.tree.at.ino && name == base {
		// Removing the old name would remove the target.
		return errors.New("a hard link to itself")
	}
	err = u.tree.place(base, func() error { return unix.Linkat(from, name, u.tree.at.fd, base, 0) })
	return failed(err, "linkat(%s, %s, 0)", shortName(target), shortName(base))
}

// makeLink makes a symbolic link. Its target is data: it may point anywhere, and
// is only ever resolved inside the root.
func (u *unpacker) makeLink(base string, h *tar.Header) error {
	uid, gid, err := owner(h)
	if err != nil {
		return err
	}
	at := u.tree.at.fd
	err = u.tree.place(base, func() error { return unix.Symlinkat(h.Linkname, at, base) })
	if err != nil {
		return failed(err, "symlinkat(%s, %s)", shortName(h.Linkname), shortName(base))
	}
	if err := unix.Fchownat(at, base, uid, gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return failed(err, "fchownat(%s, %d, %d, AT_SYMLINK_NOFOLLOW)", shortName(base), uid, gid)
	}
	atime, mtime := times(h)
	return setTimes(at, base, atime, mtime)
}
