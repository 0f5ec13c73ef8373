package lifecycle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A disk can become full or read-only under containers that run. What their state is
// then must be told all the same: it is written below /run, which is another file
// system as a rule, and stands there for the file that could not be written. A
// boot takes it away. If it cannot be written either, then the command that found the
// state out knows it, and the next one finds it out again.

// statesDir is the same for all data roots, whose own run roots may be on the disk that takes
// nothing. No two containers have the same ID.
const statesDir = "/run/learnbox/states"

func (c *Containers) substitute(id string) string { return filepath.Join(c.states, id) }

// setState writes the state. It is durable when it returns, unless the
// container goes with its end anyway, or the disk takes nothing any more.
func (c *Containers) setState(r Record, s State) error {
	err := c.write(r, "state", s)
	if err == nil {
		c.told.Delete(r.ID)
		return c.dropSubstitute(r.ID)
	}
	if os.MkdirAll(c.states, 0o711) == nil && writeJSON(c.substitute(r.ID), s, false) == nil {
		return nil
	}
	c.told.Store(r.ID, s)
	return err
}

// owes reports whether a state could not be written anywhere.
func (c *Containers) owes(id string) bool {
	_, ok := c.told.Load(id)
	return ok
}

func (c *Containers) dropSubstitute(id string) error {
	err := os.Remove(c.substitute(id)) // the directory stays: somebody may be about to write there
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, there := os.Lstat(c.substitute(id)); there == nil {
		return err
	}
	return nil // a read-only file system refuses to remove also what is not there
}

// getState reads the state.
func (c *Containers) getState(id string) (s State, err error) {
	if told, ok := c.told.Load(id); ok {
		return told.(State), nil //nolint:forcetypeassert // setState has put it there
	}
	if readJSON(c.substitute(id), &s) == nil {
		return s, nil
	}
	path := c.file(id, "state")
	err = readJSON(path, &s)
	if err == nil && s.Status == "" {
		err = fmt.Errorf("%s is damaged: %w", path, errNotWhole)
	}
	return s, err
}

// putBack tries to write the states of containers at rest to where they belong. The disk
// may still be as it was; then nothing is lost. Other roots' containers are not found here.
func (c *Containers) putBack() {
	entries, err := os.ReadDir(c.states)
	if err != nil {
		return
	}
	for _, e := range entries {
		if ct, err := c.Get(e.Name()); err == nil && !ct.State.Status.Alive() {
			if lock, err := c.tryIdle(ct.ID); err == nil {
				_ = errors.Join(c.setState(ct.Record, ct.State), c.unlist(ct.ID), lock.Release())
			}
		}
	}
}
