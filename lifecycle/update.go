package lifecycle

import (
	"errors"
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/internal/atomicfile"
)

// Update changes a container's limits, for now and for the next start. change makes the
// new ones of the present ones, of which it must keep the rest.
//
// Two updates at once come one after the other: each holds a lock on the container's
// directory while it reads, changes and writes config.json. A running container's monitor
// writes the control group first and config.json then; if it is killed between the
// two, the container ends with it and comes back with the limits before, and nobody
// was told otherwise. At rest config.json is all there is, and whoever has the
// container's lock writes it.
//
// Errors: ErrNotFound, *RefusedError, those of change.
func (c *Containers) Update(id string, change func(*specs.LinuxResources) (*specs.LinuxResources, error)) (warnings []string, err error) {
	unlock, err := c.lockConfig(id)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	r, spec, err := c.Definition(id)
	if err != nil {
		return nil, err
	}
	wanted, err := change(spec.Linux.Resources)
	if err != nil {
		return nil, err
	}
	for {
		answer, err := c.tell(id, request{Do: doUpdate, Resources: wanted})
		if !errors.Is(err, ErrNotRunning) {
			return answer.Warnings, err
		}
		lock, err := c.idle(id)
		if errors.Is(err, ErrRunning) && !errors.Is(err, ErrRestarting) && c.statusOf(id).Alive() { // it was started just now
			continue
		}
		if err != nil {
			return nil, err
		}
		err = c.setResources(r, spec, wanted)
		return nil, errors.Join(err, c.unlist(id), lock.Release())
	}
}

// SetRestart gives a container another restart policy. Its monitor reads it when the program ends.
//
// Errors: ErrNotFound.
func (c *Containers) SetRestart(id string, p RestartPolicy) (err error) {
	unlock, err := c.lockNames() // Rename writes the record, too
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	var r Record
	if err := readJSON(c.file(id, "container.json"), &r); errors.Is(err, os.ErrNotExist) {
		return ErrNotFound
	} else if err != nil {
		return err
	}
	if r.AutoRemove && p.Any() {
		return errors.New("Restart policy cannot be updated because AutoRemove is enabled for the container") //nolint:staticcheck // Docker's sentence
	}
	r.Restart = p
	if err := c.write(r, "container.json", r); err != nil {
		return err
	}
	c.Report(r, "update")
	return nil
}

// lockConfig keeps other updates off.
func (c *Containers) lockConfig(id string) (unlock func() error, err error) {
	dir, err := os.Open(c.dir(id))
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	if err := atomicfile.LockFileBriefly(dir); err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return dir.Close, nil
}

func (c *Containers) setResources(r Record, spec *specs.Spec, wanted *specs.LinuxResources) error {
	spec.Linux.Resources = wanted
	err := c.write(r, "config.json", spec)
	if err == nil {
		c.Report(r, "update")
	}
	return err
}

// update is the monitor's part of Update. One that comes when the program has ended
// finds nobody who answers it, as if it had come a moment later.
func (m *Monitor) update(wanted *specs.LinuxResources) (warnings []string, err error) {
	c := m.all
	r, spec, err := c.Definition(m.record.ID)
	if err != nil {
		return nil, err
	}
	warnings, err = m.now().Update(wanted, func() error { return c.setResources(r, spec, wanted) })
	if err == nil {
		m.troubles.change()
	}
	return warnings, err
}
