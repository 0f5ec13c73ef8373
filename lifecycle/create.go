package lifecycle

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/internal/atomicfile"
	"github.com/learnbox/learnbox/internal/linux"
	"github.com/learnbox/learnbox/lifecycle/volume"
	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/sandbox"
	"github.com/learnbox/learnbox/sandbox/cgroup"
)

const idLength = 64

// A Draft is a container that is being made: it has an ID, a name and a
// directory, and its maker holds its lock. Start makes a container of it,
// Discard nothing.
type Draft struct {
	ID, Name string
	Dir      string // absolute
	Cgroup   string // path of its control group below the mount points; its maker may choose another before Clone

	all   *Containers
	lock  *atomicfile.Lock
	saved bool  // its files are written
	again bool  // it was a container before, and stays one whatever happens
	past  State // of which a restart keeps something

	owned      bool        // somebody is attached from the beginning
	lent       func()      // a command lent it to this monitor until its files are written, and is told when
	monitor    *employer   // that it is lent to
	attachment *Attachment // to what that one will start

	volumes []MountedVolume // see Attach
	holds   []*volume.Hold  // until its files are written

	streams *streams      // from Clone on
	init    *sandbox.Init // between Clone and Start
	group   *cgroup.Group // from Enclose on
}

// CreateStep is the step that New is in a run.
func CreateStep() narrate.Step {
	return narrate.Step{
		ID:    "container.create",
		Title: "An ID, a name and a directory",
		Why:   "whatever is made from here on belongs to somebody who can be found, also after a crash",
	}
}

// New begins a container. An empty name gets a random one.
//
// Errors: *NameTakenError.
func (c *Containers) New(ctx context.Context, name string) (_ *Draft, err error) {
	if name != "" && !validName(name) {
		return nil, &nameError{name}
	}
	d := &Draft{all: c}
	if err := d.hold(ctx); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Discard())
		}
	}()
	for _, dir := range []string{"", "etc", "merged", "upper", "work"} {
		if err := mkdir(filepath.Join(d.Dir, dir), dirMode(dir)); err != nil {
			return nil, err
		}
	}
	d.Name, err = c.claim(name, d.ID)
	return d, err
}

// hold gives the draft an ID that is locked. A Repair that comes between the
// making of the directory and its lock takes it for a dead one and removes it;
// then another ID is tried.
func (d *Draft) hold(ctx context.Context) error {
	for {
		d.ID = newID()
		d.Cgroup = cgroupOf(d.ID)
		d.Dir = d.all.dir(d.ID)
		run := filepath.Join(d.all.run, d.ID)
		if err := mkdir(run, 0o700); err != nil {
			return err
		}
		lock, err := atomicfile.Acquire(ctx, d.all.lock(d.ID))
		if err == nil {
			if err = d.all.stillThere(lock, d.ID); err == nil {
				d.lock = lock
				return nil
			}
			err = errors.Join(err, lock.Release())
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
}

// mkdir makes a directory, and shows that to who traces.
func mkdir(dir string, mode fs.FileMode) error {
	return linux.Shown(os.Mkdir(dir, mode), "mkdir(%q, %#o)", dir, mode)
}

// dirMode lets only root into a container's directory; the upper directory's
// mode becomes that of the container's "/".
func dirMode(dir string) fs.FileMode {
	if dir == "" {
		return 0o700
	}
	return 0o755
}

// save writes the container's files; the last of them makes it exist.
func (d *Draft) save(r Record, spec *specs.Spec, s State) error {
	err := d.all.write(r, "config.json", spec)
	if err == nil {
		err = d.all.setState(r, s)
	}
	if err == nil {
		err = d.all.write(r, "container.json", r)
	}
	if err != nil {
		return err
	}
	d.saved = true
	if d.lent != nil {
		d.lent()
	}
	return d.letGo()
}

// saveBeginning writes what is not written yet when a program starts. That of a restart goes on
// without it: its monitor tries again.
func (d *Draft) saveBeginning(r Record, spec *specs.Spec, s State) error {
	if !d.again {
		return d.save(r, spec, s)
	}
	err := d.all.setState(r, s)
	if d.past.Status == Restarting {
		return nil
	}
	return err
}

// Keep makes a container of the draft, of which nothing runs yet.
func (d *Draft) Keep(r Record, spec *specs.Spec) error {
	if err := d.save(r, spec, State{Status: Created}); err != nil {
		return errors.Join(err, d.Discard())
	}
	d.all.Report(r, "create")
	return errors.Join(d.all.unlist(d.ID), d.lock.Release())
}

// Discard removes the draft and all it has claimed. One that is lent is not this process's to remove.
func (d *Draft) Discard() error {
	d.abort()
	if d.lent != nil && !d.saved {
		return nil
	}
	lent := d.monitor != nil
	err := d.dismiss()
	if lent && endGroup(d.Cgroup) != nil { // a monitor that was killed has left it, and it cannot go yet
		return errors.Join(err, d.letGo(), d.lock.Release()) // Repair does the rest
	}
	if d.group != nil {
		err = errors.Join(err, d.group.Kill(), d.group.Remove())
	}
	err = errors.Join(err, d.letGo(), d.all.removeAnonymous(d.ID, d.volumes), d.all.remove(d.ID, d.Name))
	if d.lock != nil {
		err = errors.Join(err, d.lock.Release())
	}
	return err
}
