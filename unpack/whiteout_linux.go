package unpack

import (
	"errors"

	"golang.org/x/sys/unix"
)

// hide does what the whiteout of name in dir asks. It never makes a directory:
// where there is none, there is nothing to hide.
func (t *tree) hide(dir, name string) error {
	if err := t.enter(dir, false); err != nil {
		return ignoreMissing(err)
	}
	t.at.path = "" // see clear
	_, err := t.prune(t.at.fd, t.at.ino, name)
	return err
}

// hideAll does what the opaque whiteout in dir asks.
func (t *tree) hideAll(dir string) error {
	if err := t.enter(dir, false); err != nil {
		return ignoreMissing(err)
	}
	t.at.path = ""
	// Reading moves the offset of the open directory, so another one is read.
	fd, err := openDirectory(t.at.fd, ".")
	if err != nil {
		return failed(err, "openat2(%s)", shortName(dir))
	}
	_, err = t.pruneAll(fd)
	return errors.Join(err, unix.Close(fd))
}

// ignoreMissing: a directory that is not there, or that a lower layer has
// replaced by something else, holds nothing to hide.
func ignoreMissing(err error) error {
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return nil
	}
	return err
}

// prune removes what lower layers have given under name in dir, with all that is
// in it, but not what the current layer has given: a whiteout hides files of lower
// layers only, wherever it stands in the archive (image-spec, layer.md, "Whiteouts").
// It reports whether nothing is left.
func (t *tree) prune(dir int, ino uint64, name string) (gone bool, err error) {
	given := t.given(ino, name)
	if !given {
		err := unix.Unlinkat(dir, name, 0)
		if err == nil || errors.Is(err, unix.ENOENT) {
			return true, nil
		}
		if !errors.Is(err, unix.EISDIR) {
			return false, failed(err, "unlinkat(%s, 0)", shortName(name))
		}
	}
	fd, err := openDirectory(dir, name)
	if given && (errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP)) {
		return false, nil
	}
	if err != nil {
		return false, failed(err, "openat2(%s, O_DIRECTORY|O_NOFOLLOW)", shortName(name))
	}
	empty, err := t.pruneAll(fd)
	if err := errors.Join(err, unix.Close(fd)); err != nil || given || !empty {
		return false, err
	}
	return true, failed(unix.Unlinkat(dir, name, unix.AT_REMOVEDIR), "unlinkat(%s, AT_REMOVEDIR)", shortName(name))
}

// pruneAll prunes everything in the directory fd, whose times stay as they are.
func (t *tree) pruneAll(fd int) (empty bool, err error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return false, failed(err, "fstat(%d)", fd)
	}
	var names []string
	err = eachName(fd, func(name string) (bool, error) {
		names = append(names, name)
		return true, nil
	})
	if err != nil {
		return false, err
	}
	empty = true
	for _, name := range names {
		gone, err := t.prune(fd, st.Ino, name)
		if err != nil {
			return false, err
		}
		empty = empty && gone
	}
	return empty, setTimes(fd, ".", st.Atim, st.Mtim)
}
