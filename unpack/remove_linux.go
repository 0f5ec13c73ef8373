package unpack

import (
	"errors"

	"golang.org/x/sys/unix"
)

// openDirectory opens the directory name in parent, and nothing but a directory:
// a link there is refused, and so is anything mounted on it.
func openDirectory(parent int, name string) (fd int, err error) {
	how := unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV,
	}
	return openat2(parent, name, &how)
}

// openat2 is openat2(2), which asks to be called again when a rename anywhere on
// the machine came between (EAGAIN).
func openat2(dir int, name string, how *unix.OpenHow) (fd int, err error) {
	for {
		fd, err = unix.Openat2(dir, name, how)
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}

// A step of a descent: what the directory is called, and which one it is.
type descent struct {
	name string
	ino  uint64
}

// removeAll removes name in the directory parent, and if it is a directory all
// that is in it. Nothing there is no error. Links are removed, never followed.
//
// os.RemoveAll works with descriptors too, but keeps one open for each level, and
// an archive can make trees deeper than a process may have descriptors. This
// keeps two: it goes down into the first directory that is not empty, and back up
// through "..", where it checks that it came out where it went in.
func removeAll(parent int, name string) error {
	err := unix.Unlinkat(parent, name, 0)
	if err == nil || errors.Is(err, unix.ENOENT) {
		return nil
	}
	if !errors.Is(err, unix.EISDIR) {
		return failed(err, "unlinkat(%s, 0)", shortName(name))
	}
	at, err := openDirectory(parent, name)
	if err != nil {
		return failed(err, "openat2(%s, O_DIRECTORY|O_NOFOLLOW)", shortName(name))
	}
	defer func() { _ = unix.Close(at) }() // whichever it is then
	ino, err := inode(at)
	if err != nil {
		return err
	}
	way := []descent{{name, ino}}
	for {
		sub, err := emptyDirectory(at)
		if err != nil {
			return err
		}
		here := way[len(way)-1]
		next := ".."
		if sub != "" {
			next = sub
		} else if way = way[:len(way)-1]; len(way) == 0 {
			return failed(unix.Unlinkat(parent, here.name, unix.AT_REMOVEDIR), "unlinkat(%s, AT_REMOVEDIR)", shortName(here.name))
		}
		if at, ino, err = change(at, next); err != nil {
			return err
		}
		if sub != "" {
			way = append(way, descent{sub, ino})
			continue
		}
		if ino != way[len(way)-1].ino {
			return errors.New("the directory was moved while it was removed")
		}
		// What is not empty after all is found again in the next round.
		if err := unix.Unlinkat(at, here.name, unix.AT_REMOVEDIR); err != nil && !errors.Is(err, unix.ENOTEMPTY) {
			return failed(err, "unlinkat(%s, AT_REMOVEDIR)", shortName(here.name))
		}
	}
}

// change opens a directory beside or below the open one, which it closes.
func change(at int, name string) (fd int, ino uint64, err error) {
	fd, err = openDirectory(at, name)
	if err != nil {
		return at, 0, failed(err, "openat2(%s, O_DIRECTORY|O_NOFOLLOW)", shortName(name))
	}
	_ = unix.Close(at)
	ino, err = inode(fd)
	return fd, ino, err
}

func inode(fd int) (uint64, error) {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	return st.Ino, failed(err, "fstat(%d)", fd)
}

// emptyDirectory removes what it can with one call each, and returns the first
// directory that is not empty.
func emptyDirectory(fd int) (sub string, err error) {
	err = eachName(fd, func(name string) (bool, error) {
		err := unix.Unlinkat(fd, name, 0)
		if errors.Is(err, unix.EISDIR) {
			err = unix.Unlinkat(fd, name, unix.AT_REMOVEDIR)
		}
		if errors.Is(err, unix.ENOTEMPTY) {
			sub = name
			return false, nil
		}
		return true, failed(err, "unlinkat(%s)", shortName(name))
	})
	return sub, err
}

// eachName calls do with the names in a directory until it says false.
func eachName(fd int, do func(name string) (more bool, err error)) error {
	buf := make([]byte, 16<<10)
	for {
		n, err := unix.ReadDirent(fd, buf)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n == 0 {
			return failed(err, "getdents64(%d)", fd)
		}
		var names []string
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
		for _, name := range names {
			if more, err := do(name); err != nil || !more {
				return err
			}
		}
	}
}
