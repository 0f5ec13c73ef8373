package lifecycle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/learnbox/learnbox/sandbox/cgroup"
)

// cgroupOf is the path of a container's cgroup if nobody chose another.
func cgroupOf(id string) string {
	h, _ := cgroup.Detect() // the step that makes the group says why
	return h.PathOf(id)
}

// Cgroup is the path of a container's cgroup, as long as the container runs.
func (c *Containers) Cgroup(id string) string {
	if path, err := os.ReadFile(c.cgroupFile(id)); err == nil && len(path) > 0 {
		return string(path)
	}
	h, _ := cgroup.Detect() // as above
	for _, path := range h.PathsOf(id) {
		if g, err := cgroup.Open(h, path); err == nil && g.Exists() {
			return path
		}
	}
	return h.PathOf(id)
}

// cgroupFile says where a container's cgroup is if that is not the usual place.
// It is written before the group is made, so that Repair finds the group.
func (c *Containers) cgroupFile(id string) string { return filepath.Join(c.run, id, "cgroup") }

// noteCgroup writes that file. A restart finds it written, and a full disk may not take it again.
func (d *Draft) noteCgroup() error {
	if d.Cgroup == cgroupOf(d.ID) {
		return nil
	}
	path := d.all.cgroupFile(d.ID)
	if have, err := os.ReadFile(path); err == nil && string(have) == d.Cgroup {
		return nil
	}
	return os.WriteFile(path, []byte(d.Cgroup), 0o600)
}

// Groups are the directories of the control group with this path, whether they
// exist or not.
func Groups(path string) ([]string, error) {
	h, err := cgroup.Detect()
	if err != nil {
		return nil, err
	}
	g, err := cgroup.Open(h, path)
	if err != nil {
		return nil, err
	}
	return g.Dirs(), nil
}

// Repair ends and removes what dead parents left: processes, groups, drafts,
// half-removed directories. It looks only at what the run root lists, which is
// what runs or died running; a loss of power empties that, and with it ended
// all processes.
func (c *Containers) Repair() error {
	entries, err := os.ReadDir(c.run)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if isID(e.Name()) {
			if err := c.repair(e.Name()); err != nil {
				errs = append(errs, fmt.Errorf("repair container %s: %w", Short(e.Name()), err))
			}
		}
	}
	c.putBack()
	return errors.Join(errs...)
}

func (c *Containers) repair(id string) error {
	err := c.mend(id)
	if errors.Is(err, ErrRunning) || errors.Is(err, fs.ErrNotExist) { // or another Repair is done with it
		return nil
	}
	return err
}

// mend is repair for somebody who wants to know whether there was anything to do. A
// group that cannot be removed yet stays known, so that the next command tries again.
//
// Errors: ErrRunning; fs.ErrNotExist.
func (c *Containers) mend(id string) error {
	lock, err := c.tryLock(id)
	if err != nil {
		return err
	}
	if err = endGroup(c.Cgroup(id)); err == nil {
		err = c.settle(id)
	}
	return errors.Join(err, lock.Release())
}

// endGroup kills whatever is left in a container's cgroup and removes it.
func endGroup(path string) error {
	return withGroup(path, func(g *cgroup.Group) error { return errors.Join(g.Kill(), g.Remove()) })
}

// killGroup kills whatever is left in a container's cgroup. Somebody else removes it.
func killGroup(path string) error { return withGroup(path, (*cgroup.Group).Kill) }

// withGroup does something to a group, if there is one.
func withGroup(path string, do func(*cgroup.Group) error) error {
	h, err := cgroup.Detect()
	if err != nil {
		return err
	}
	g, err := cgroup.Open(h, path)
	if errors.Is(err, fs.ErrNotExist) || g == nil {
		return nil
	}
	if err != nil {
		return err
	}
	return do(g)
}

// settle brings the files of a container without a parent to rest: a draft or
// an --rm container goes, any other has exited.
func (c *Containers) settle(id string) error {
	ct, err := c.Get(id)
	_, damaged := errors.AsType[*DamagedError](err)
	switch {
	case errors.Is(err, ErrNotFound), lost(ct, err):
		return errors.Join(c.removeAnonymous(id, c.drafted(id)), c.remove(id, c.nameOf(id)))
	case damaged: // nobody knows what is to become of it, and listings say so
		return c.unlist(id)
	case err != nil:
		return err
	case ct.State.Status == Created && ct.State.Pid == 0: // somebody is about to start it, or died then
		return c.unlist(id)
	}
	s, alive := ct.State.orphaned(), ct.State.Status.Alive()
	if alive {
		c.reportDie(ct.Record, s)
	}
	switch {
	case ct.AutoRemove, ct.State.Status == Created: // its program never ran
		err := errors.Join(c.removeAnonymous(id, ct.Volumes), c.remove(id, ct.Name))
		switch {
		case err == nil:
			c.Report(ct.Record, "destroy")
		case alive:
			err = errors.Join(err, c.setState(ct.Record, s)) // it cannot go, but does not run
		}
		return err
	case alive:
		if err := c.setState(ct.Record, s); err != nil {
			return err
		}
	}
	return c.unlist(id)
}

// orphaned is the state of a container whose parent was killed.
func (s State) orphaned() State {
	s.Health = s.Health.ended()
	if s.Status == Restarting { // its program had ended before
		s.Status, s.Error = Exited, "its monitor was killed before it could start the program again"
		return s
	}
	s.Status, s.ExitCode, s.Pid, s.Finished = Exited, 137, 0, time.Now().UTC()
	s.Error = "its parent process was killed, and the container with it"
	return s
}

// nameOf finds the name that a draft without files has claimed.
func (c *Containers) nameOf(id string) string {
	entries, err := os.ReadDir(c.names())
	if err != nil {
		return ""
	}
	for _, e := range entries {
		if owner, err := os.Readlink(filepath.Join(c.names(), e.Name())); err == nil && filepath.Base(owner) == id {
			return e.Name()
		}
	}
	return ""
}
