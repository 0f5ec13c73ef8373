package lifecycle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Remove removes a container that does not run, and its anonymous volumes if they are to
// go with it. One that cannot be removed whole is dead.
func (c *Containers) Remove(ct Container, volumes bool) error {
	lock, err := c.idle(ct.ID)
	if err != nil {
		return err
	}
	return errors.Join(c.removeHeld(ct, volumes), lock.Release())
}

// removeHeld is Remove for somebody who has the lock.
func (c *Containers) removeHeld(ct Container, volumes bool) (err error) {
	if volumes {
		err = c.removeAnonymous(ct.ID, ct.Volumes)
	}
	if removed := c.remove(ct.ID, ct.Name); removed != nil {
		return errors.Join(err, removed)
	}
	c.Report(ct.Record, "destroy")
	return err
}

// gonePrefix is that of a directory on its way out.
const gonePrefix = ".gone-"

func (c *Containers) gone(id string) string { return filepath.Join(c.data, gonePrefix+id) }

// remove removes a container's files. A rename takes it out of all listings at
// once; a crash after that leaves only what a listing throws away.
func (c *Containers) remove(id, name string) error {
	err := os.Rename(c.dir(id), c.gone(id))
	if _, there := os.Lstat(c.dir(id)); err != nil && !errors.Is(there, fs.ErrNotExist) {
		return err // a read-only disk says so, too, of what is not there
	}
	errs := []error{c.clear(id)}
	for name != "" && errs[0] == nil {
		ours := false
		_, err := c.free(name, func(owner string) bool { ours = owner == id; return ours })
		errs = append(errs, err)
		if ours || err != nil {
			break
		}
		name = c.nameOf(id) // it was renamed after its parent had read the name
	}
	errs = append(errs, c.dropSubstitute(id), c.unlist(id))
	return errors.Join(errs...)
}

// clear removes what is on its way out: directories first, since they are what can be
// busy, and then the files that say what the container was. If a directory stays, the
// container comes back with them, dead.
func (c *Containers) clear(id string) error {
	entries, err := os.ReadDir(c.gone(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if e.IsDir() {
			err = errors.Join(err, os.RemoveAll(filepath.Join(c.gone(id), e.Name())))
		}
	}
	if err == nil {
		return os.RemoveAll(c.gone(id))
	}
	return errors.Join(err, c.bringBack(id, err))
}

// bringBack makes a container dead. Of a draft there is nothing to bring back.
func (c *Containers) bringBack(id string, why error) error {
	var s State
	if err := readJSON(filepath.Join(c.gone(id), "state"), &s); err != nil {
		return nil //nolint:nilerr // a draft; or somebody else was quicker
	}
	s.Status, s.Error = Dead, fmt.Sprintf("it could not be removed: %v", why)
	if err := writeJSON(filepath.Join(c.gone(id), "state"), s, true); err != nil {
		return err
	}
	if err := os.Rename(c.gone(id), c.dir(id)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
