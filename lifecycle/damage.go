package lifecycle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/atomicfile"
)

// A file of a container can be damaged: by the disk, or by somebody's hand. That must be
// nobody else's trouble. The container is listed as well as its other files tell, whoever wants
// it hears what is wrong, and RemoveDamaged takes it away.

// A DamagedError reports a container of which a file is missing or cannot be understood.
type DamagedError struct {
	ID  string
	Err error

	// Nothing tells any more what it uses. Valid in what List returns.
	NoImage, NoVolumes bool
}

func (e *DamagedError) Error() string { return e.Err.Error() }
func (e *DamagedError) Unwrap() error { return e.Err }

// Hint says how to get rid of it.
func (e *DamagedError) Hint() string {
	return "learnbox rm -f " + Short(e.ID) + " ends it and removes what is left of it"
}

var (
	errEmpty    = errors.New("it is empty")
	errMissing  = errors.New("is missing")
	errNotWhole = errors.New("it lacks what must be in it")
)

// damage is what err, of reading a container's files, means. Who may not read them
// knows nothing about them.
func damage(id string, err error) error {
	if err == nil || errors.Is(err, fs.ErrPermission) {
		return err
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok && errors.Is(p, fs.ErrNotExist) {
		err = fmt.Errorf("%s %w", p.Path, errMissing)
	}
	return &DamagedError{ID: id, Err: err}
}

// damages joins what is wrong with containers, one error for each.
func damages(list []Container) error {
	var errs []error
	for _, ct := range list {
		if ct.Damage != nil {
			errs = append(errs, fmt.Errorf("container %s: %w", Short(ct.ID), ct.Damage))
		}
	}
	return errors.Join(errs...)
}

// salvage is what can be told of a damaged container. Its lock tells whether it runs: a
// parent that lives holds it.
func (c *Containers) salvage(ct Container, d *DamagedError) Container {
	if ct.ID == "" {
		ct.Record = c.salvageRecord(d)
	}
	ct.Damage, ct.State = d, State{Status: Dead, Error: d.Error()}
	lock, err := c.tryLock(d.ID)
	switch {
	case errors.Is(err, ErrRunning):
		ct.State.Status = Running
	case err == nil:
		_ = lock.Release() // it was taken to look
	}
	return ct
}

// salvageRecord is a record as far as other files tell. None tells which image it was.
func (c *Containers) salvageRecord(d *DamagedError) Record {
	d.NoImage = true
	r := Record{ID: d.ID, Name: c.nameOf(d.ID), Volumes: c.drafted(d.ID)}
	if info, err := os.Stat(c.file(d.ID, "merged")); err == nil {
		r.Created = info.ModTime() // nobody writes there, so it is as old as the container
	}
	var spec specs.Spec
	if err := readJSON(c.file(d.ID, "config.json"), &spec); err != nil || spec.Process == nil {
		d.NoVolumes = true
		return r
	}
	r.Args = spec.Process.Args
	for _, m := range spec.Mounts {
		name := filepath.Base(filepath.Dir(m.Source))
		known := slices.ContainsFunc(r.Volumes, func(v MountedVolume) bool { return v.Name == name })
		if m.Source == c.Volumes().Data(name) && !known {
			r.Volumes = append(r.Volumes, MountedVolume{Name: name, Destination: m.Destination})
		}
	}
	return r
}

// RemoveDamaged ends and removes a container, and its anonymous volumes if they are to go
// with it. It needs none of the container's files: the ID tells where everything is.
func (c *Containers) RemoveDamaged(id string, volumes bool) error {
	lock, err := c.seize(id)
	if err != nil {
		return err
	}
	ct, err := c.Get(id)
	if d, ok := errors.AsType[*DamagedError](err); ok {
		ct, err = c.salvage(ct, d), nil
	}
	if errors.Is(err, ErrNotFound) { // an --rm one went at its end
		return errors.Join(c.remove(id, c.nameOf(id)), lock.Release())
	}
	if err != nil {
		return errors.Join(err, lock.Release())
	}
	return errors.Join(c.removeHeld(ct, volumes), lock.Release())
}

// seize takes the lock of a container. Whoever holds it is its parent, who gives it back when
// the program has ended: that is killed.
func (c *Containers) seize(id string) (*atomicfile.Lock, error) {
	if c.Kill(id, unix.SIGKILL) == nil {
		_, _ = c.Wait(id) // the lock tells
	}
	const patience = 10 * time.Second
	for end := time.Now().Add(patience); ; <-time.After(20 * time.Millisecond) {
		err := c.list(id)
		if err != nil {
			return nil, err
		}
		lock, err := c.tryLock(id)
		if err == nil {
			if err = endGroup(c.Cgroup(id)); err != nil {
				return nil, errors.Join(err, lock.Release())
			}
			return lock, nil
		}
		held := errors.Is(err, ErrRunning)
		if held {
			_ = killGroup(c.Cgroup(id)) // nobody hears, or not yet
		}
		if !held && !errors.Is(err, fs.ErrNotExist) || time.Now().After(end) {
			return nil, err
		}
	}
}
