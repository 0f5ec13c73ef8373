package lifecycle

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/learnbox/learnbox/internal/atomicfile"
)

// ErrSameName reports that a container has the name that it is to get.
var ErrSameName = errors.New("the container has that name already")

// Rename gives a container another name, whether it runs or not.
//
// The record says what a container is called. It is written between the making
// of the new link and the removal of the old one, so a container has exactly
// one name at any moment, and a crash leaves at most a link that counts for
// nothing: Find passes over it, claim takes it, Survey removes it. The lock on
// the directory of names keeps those two off a rename that is under way.
//
// Errors: *NameTakenError, ErrSameName, ErrNotFound.
func (c *Containers) Rename(id, to string) (err error) {
	if !validName(to) {
		return &nameError{to}
	}
	unlock, err := c.lockNames()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	var r Record
	if err := readJSON(c.file(id, "container.json"), &r); errors.Is(err, fs.ErrNotExist) {
		return ErrNotFound
	} else if err != nil {
		return err
	}
	if r.Name == to {
		return ErrSameName
	}
	link, from := filepath.Join(c.names(), to), r.Name
	if owner, err := os.Readlink(link); err == nil {
		if c.owns(filepath.Base(owner), to) {
			return &NameTakenError{to, filepath.Base(owner)}
		}
		if err := os.Remove(link); err != nil {
			return err
		}
	}
	if err := os.Symlink(filepath.Join("..", id), link); err != nil {
		return err
	}
	if !r.AutoRemove { // else nothing is left after a loss of power anyway
		err = atomicfile.SyncDir(c.names())
	}
	r.Name = to
	if err = errors.Join(err, c.write(r, "container.json", r)); err != nil {
		if _, gone := os.Stat(c.dir(id)); errors.Is(gone, fs.ErrNotExist) { // removed in this moment
			err = ErrNotFound
		}
		return errors.Join(err, os.Remove(link))
	}
	c.Report(r, "rename", "oldName", "/"+from)
	_, err = c.drop(from, func(owner string) bool { return owner == id })
	return err
}

// lockNames keeps everybody else from giving names away and taking them.
func (c *Containers) lockNames() (unlock func() error, err error) {
	dir, err := os.Open(c.names())
	if err != nil {
		return nil, err
	}
	if err := atomicfile.LockFileBriefly(dir); err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return dir.Close, nil
}

// owns reports whether a link from a name to a container counts: the container is
// there, and is called that or has no record yet.
func (c *Containers) owns(id, name string) bool {
	if _, err := os.Stat(c.dir(id)); errors.Is(err, fs.ErrNotExist) {
		return false
	}
	var r Record
	return readJSON(c.file(id, "container.json"), &r) != nil || r.Name == name
}

// sweepNames removes the links that count for nothing, and makes those that somebody has
// removed. names are those of the containers that were just read, with their IDs.
func (c *Containers) sweepNames(names map[string]string) error {
	entries, err := os.ReadDir(c.names())
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if names[e.Name()] != "" || e.Type()&fs.ModeSymlink == 0 {
			delete(names, e.Name())
			continue
		}
		_, err := c.free(e.Name(), func(owner string) bool { return !c.owns(owner, e.Name()) })
		errs = append(errs, err)
	}
	for name, id := range names {
		errs = append(errs, c.relink(name, id))
	}
	return errors.Join(errs...)
}

// relink gives a container the name that its record says. Without the link another one could
// get it. The record is read again: the container may have been renamed or removed meanwhile.
func (c *Containers) relink(name, id string) (err error) {
	unlock, err := c.lockNames()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if r, err := c.getRecord(id); err != nil || r.Name != name || !validName(name) {
		return nil // there is nothing that has the name
	}
	err = os.Symlink(filepath.Join("..", id), filepath.Join(c.names(), name))
	if errors.Is(err, fs.ErrExist) { // somebody was quicker
		return nil
	}
	return err
}
