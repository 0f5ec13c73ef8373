package unpack

import (
	"errors"
	"hash/maphash"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks is how many links to nothing mkdirs follows: as many as the kernel
// would, path_resolution(7).
const maxLinks = 40

// A tree is the root file system while it is built. Nobody else writes to it.
type tree struct {
	root int
	at   directory
	// made are the names that the current layer has given, each as a hash of its
	// directory's inode number and itself: whiteouts spare them.
	made map[uint64]struct{}
	seed maphash.Seed
}

// A directory is the one in which the last entry was made. Archives are mostly
// sorted, so it is kept open for the next one.
type directory struct {
	path         string // as the entry named it; empty when it has to be looked up again
	fd           int    // -1 for none
	ino          uint64
	atime, mtime unix.Timespec
}

func openTree(parent int, name string) (*tree, error) {
	fd, err := openDirectory(parent, name)
	if err != nil {
		return nil, failed(err, "openat2(%q)", name)
	}
	return &tree{root: fd, at: directory{fd: -1}, seed: maphash.MakeSeed()}, nil
}

func (t *tree) close() error { return errors.Join(t.leave(), unix.Close(t.root)) }

// startLayer forgets which names the layer before has given.
func (t *tree) startLayer() { t.made = map[uint64]struct{}{} }

// enter goes to the directory path below the root, following links as a process
// in the container would. With create, what is missing of it is made.
func (t *tree) enter(path string, create bool) error {
	if t.at.fd >= 0 && t.at.path == path {
		return nil
	}
	if err := t.leave(); err != nil {
		return err
	}
	fd, err := t.open(path)
	if create && errors.Is(err, unix.ENOENT) {
		fd, err = t.mkdirs(path, maxLinks)
	}
	if err != nil {
		return failed(err, "openat2(%s, O_DIRECTORY, RESOLVE_IN_ROOT)", shortName(path))
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return errors.Join(failed(err, "fstat(%s)", shortName(path)), unix.Close(fd))
	}
	t.at = directory{path: path, fd: fd, ino: st.Ino, atime: st.Atim, mtime: st.Mtim}
	return nil
}

// leave puts the times of the directory back. What was made and removed in it has
// changed them, but its own entry, earlier or later, is what they should say.
// Doing it here, and not at the end for all directories, takes no memory.
func (t *tree) leave() error {
	if t.at.fd < 0 {
		return nil
	}
	err := setTimes(t.at.fd, ".", t.at.atime, t.at.mtime)
	err = errors.Join(err, unix.Close(t.at.fd))
	t.at = directory{fd: -1}
	return err
}

// open opens the directory path below the root. RESOLVE_IN_ROOT makes the kernel
// treat the root as "/" for absolute links and "..": openat2(2).
func (t *tree) open(path string) (int, error) {
	return openat2(t.root, path, &unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV,
	})
}

// mkdirs makes the directory path below the root and what is missing above it,
// owned by root and 0755 as Docker does. A link to nothing on the way is given
// its target. Its errors are those of the kernel.
func (t *tree) mkdirs(path string, links int) (fd int, err error) {
	if fd, err = t.open(path); !errors.Is(err, unix.ENOENT) {
		return fd, err
	}
	dir, base := splitName(strings.TrimRight(path, "/"))
	dir = orRoot(dir)
	up, err := t.mkdirs(dir, links)
	if err != nil {
		return -1, err
	}
	defer func() { err = errors.Join(err, unix.Close(up)) }()
	if base == "." || base == ".." { // of a link's target
		return t.open(path)
	}
	var before unix.Stat_t
	if err := unix.Fstat(up, &before); err != nil {
		return -1, err
	}
	switch err := unix.Mkdirat(up, base, 0o700); {
	case err == nil:
		fd, err := openDirectory(up, base)
		if err != nil {
			return -1, err
		}
		err = errors.Join(unix.Fchown(fd, 0, 0), unix.Fchmod(fd, 0o755), setTimes(up, ".", before.Atim, before.Mtim))
		return fd, err
	case !errors.Is(err, unix.EEXIST):
		return -1, err
	case links == 0:
		return -1, unix.ELOOP
	}
	target, err := readlink(up, base)
	if err != nil {
		return -1, err
	}
	if !strings.HasPrefix(target, "/") {
		target = dir + "/" + target
	}
	return t.mkdirs(target, links-1)
}

// orRoot names the root where an absolute path has nothing.
func orRoot(dir string) string {
	if dir = strings.TrimRight(dir, "/"); dir == "" {
		return root
	}
	return dir
}

func readlink(dir int, name string) (string, error) {
	buf := make([]byte, maxPath+1)
	n, err := unix.Readlinkat(dir, name, buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

// key stands for a name in a directory. Inode numbers rather than paths, because
// two paths may lead to one directory. An inode number is given again once its
// directory is gone, but then the new one is of the same layer, and so is all in it.
func (t *tree) key(dir uint64, name string) uint64 {
	return maphash.Comparable(t.seed, struct {
		dir  uint64
		name string
	}{dir, name})
}

// give says that the current layer has made name in the directory it is at.
func (t *tree) give(name string) { t.made[t.key(t.at.ino, name)] = struct{}{} }

func (t *tree) given(dir uint64, name string) bool {
	_, ok := t.made[t.key(dir, name)]
	return ok
}

// place makes name in the current directory by a call that fails if it exists. It
// tries first and looks only then: most names are new.
func (t *tree) place(name string, create func() error) error {
	err := retry(create)
	if !errors.Is(err, unix.EEXIST) {
		return err
	}
	if err := t.clear(name); err != nil {
		return err
	}
	return retry(create)
}

// clear removes name in the current directory. It may have been part of the way
// there, so the way is looked up again for the next entry.
func (t *tree) clear(name string) error {
	t.at.path = ""
	return removeAll(t.at.fd, name)
}
