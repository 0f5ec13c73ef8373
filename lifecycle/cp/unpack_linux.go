package cp

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
)

// beneath keeps a walk below its beginning and off every link.
const beneath = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS

type unpacker struct {
	root    *os.File
	owners  bool
	dirs    []*tar.Header // whose times are set when all is in them
	skipped []string
}

// Unpack makes the files of a tar stream in the target, which must be a directory or
// have one above it. With owners they belong to whom the stream says, else to
// root, and then without the bits that lend the owner's rights. It returns the
// names of the devices that it left out.
func (t *Target) Unpack(ctx context.Context, r io.Reader, owners bool) (skipped []string, err error) {
	u := unpacker{root: t.dir, owners: owners}
	in := tar.NewReader(r)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return u.skipped, fmt.Errorf("read the archive: %w", err)
		}
		if err := u.entry(h, in); err != nil {
			return u.skipped, fmt.Errorf("%s: %w", h.Name, err)
		}
	}
	for _, h := range slices.Backward(u.dirs) {
		dir, base, err := u.above(h.Name)
		if err != nil {
			return u.skipped, err
		}
		if err := errors.Join(setTimes(dir, base, h), dir.Close()); err != nil {
			return u.skipped, err
		}
	}
	return u.skipped, nil
}

// above opens the directory that an entry goes into, and makes it if it is missing.
func (u *unpacker) above(name string) (*os.File, string, error) {
	up, base := path.Split(path.Clean("/" + name)[1:])
	dir, err := u.open(path.Clean("./" + up))
	return dir, base, err
}

func (u *unpacker) open(p string) (*os.File, error) {
	dir, err := linux.OpenIn(u.root, p, unix.O_PATH|unix.O_DIRECTORY, 0, beneath)
	if p == "." || !errors.Is(err, unix.ENOENT) {
		return dir, err
	}
	up, err := u.open(path.Dir(p))
	if err != nil {
		return nil, err
	}
	defer up.Close()
	if err := linux.MkdirAt(up, path.Base(p), 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
		return nil, err
	}
	return linux.OpenIn(up, path.Base(p), unix.O_PATH|unix.O_DIRECTORY, 0, beneath)
}

func (u *unpacker) entry(h *tar.Header, data io.Reader) error {
	dir, base, err := u.above(h.Name)
	if err != nil {
		return err
	}
	defer dir.Close()
	if base == "" { // the target itself, which keeps what it has
		return nil
	}
	if err := u.clear(dir, base, h); err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeDir:
		if err := linux.MkdirAt(dir, base, 0o700); err != nil && !errors.Is(err, unix.EEXIST) {
			return err
		}
		u.dirs = append(u.dirs, h)
	case tar.TypeReg:
		return u.file(dir, base, h, data)
	case tar.TypeSymlink:
		if err := linux.SymlinkAt(h.Linkname, dir, base); err != nil {
			return err
		}
		return errors.Join(u.chown(dir, base, h), setTimes(dir, base, h))
	case tar.TypeLink:
		return u.link(dir, base, h.Linkname)
	case tar.TypeFifo:
		if err := linux.MknodAt(dir, base, unix.S_IFIFO|0o600, 0, 0); err != nil {
			return err
		}
	default:
		u.skipped = append(u.skipped, h.Name)
		return nil
	}
	f, err := linux.OpenIn(dir, base, unix.O_PATH|unix.O_NOFOLLOW, 0, beneath)
	if err != nil {
		return err
	}
	defer f.Close()
	return errors.Join(u.chown(dir, base, h), u.chmod(f, h), setTimes(dir, base, h))
}

// clear removes what stands where an entry is to be made. A directory and something
// else never replace each other; a link is replaced and not followed.
func (u *unpacker) clear(dir *os.File, base string, h *tar.Header) error {
	var st unix.Stat_t
	err := unix.Fstatat(int(dir.Fd()), base, &st, unix.AT_SYMLINK_NOFOLLOW)
	isDir := st.Mode&unix.S_IFMT == unix.S_IFDIR
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil
	case err != nil:
		return linux.Failed(err, "fstatat(%q, %q, AT_SYMLINK_NOFOLLOW)", dir.Name(), base)
	case isDir && h.Typeflag == tar.TypeDir:
		return nil
	case isDir:
		return errors.New("cannot overwrite a directory with something else")
	case h.Typeflag == tar.TypeDir:
		return errors.New("cannot overwrite something else with a directory")
	}
	return linux.UnlinkAt(dir, base)
}

func (u *unpacker) file(dir *os.File, base string, h *tar.Header, data io.Reader) (err error) {
	f, err := linux.OpenIn(dir, base, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW, 0o600, beneath)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := io.Copy(f, data); err != nil {
		return err
	}
	return errors.Join(u.chown(dir, base, h), u.chmod(f, h), setTimes(dir, base, h))
}

// link makes another name for a file of the same archive.
func (u *unpacker) link(dir *os.File, base, to string) error {
	from, old, err := u.above(to)
	if err != nil {
		return err
	}
	defer from.Close()
	return linux.Failed(unix.Linkat(int(from.Fd()), old, int(dir.Fd()), base, 0), "linkat(%q, %q, %q, %q, 0)", from.Name(), old, dir.Name(), base)
}

func (u *unpacker) chown(dir *os.File, base string, h *tar.Header) error {
	uid, gid := os.Getuid(), os.Getgid()
	if u.owners {
		uid, gid = h.Uid, h.Gid
	}
	return linux.Failed(unix.Fchownat(int(dir.Fd()), base, uid, gid, unix.AT_SYMLINK_NOFOLLOW), "fchownat(%q, %q, %d, %d, AT_SYMLINK_NOFOLLOW)", dir.Name(), base, uid, gid)
}

// chmod comes after chown, which takes the set-user-ID bit away.
func (u *unpacker) chmod(f *os.File, h *tar.Header) error {
	mode := uint32(h.Mode & 0o7777)
	if !u.owners {
		mode &^= unix.S_ISUID | unix.S_ISGID
	}
	// fchmod(2) refuses O_PATH; /proc leads to the very same inode.
	return linux.Failed(unix.Chmod(linux.FDPath(f), mode), "chmod(%q, %#o)", linux.FDPath(f), mode)
}

func setTimes(dir *os.File, base string, h *tar.Header) error {
	at := unix.NsecToTimespec(h.ModTime.UnixNano())
	err := unix.UtimesNanoAt(int(dir.Fd()), base, []unix.Timespec{at, at}, unix.AT_SYMLINK_NOFOLLOW)
	return linux.Failed(err, "utimensat(%q, %q, AT_SYMLINK_NOFOLLOW)", dir.Name(), base)
}
