package lifecycle

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// List reads all containers, the newest first. One that is damaged is among them, as well as
// it can be told. One that cannot be read is left out, and the error joins one for each.
func (c *Containers) List() ([]Container, error) {
	list, _, failed := c.read(func(string, Container, error) bool { return false })
	return list, failed
}

// Survey is List for a command that shows containers: first it brings to rest, and
// removes, what a loss of power left and Repair cannot see: removals and drafts
// that were under way, states that still say running, names of renames that
// were cut short. What is wrong with a damaged one is said in damaged, too. Each file is
// read once; no lock that a container's parent holds is waited for.
func (c *Containers) Survey() (list []Container, swept, damaged error) {
	runs, err := os.ReadDir(c.run)
	if err != nil {
		return nil, nil, err
	}
	known := map[string]bool{}
	for _, e := range runs {
		known[e.Name()] = true
	}
	list, swept, failed := c.read(func(id string, ct Container, err error) bool {
		return !known[id] && (errors.Is(err, ErrNotFound) || lost(ct, err) || err == nil && ct.State.Status.Alive())
	})
	names := map[string]string{}
	for _, ct := range list {
		names[ct.Name] = ct.ID
	}
	return list, errors.Join(swept, c.sweepGone(), c.sweepNames(names), c.Volumes().Sweep()), errors.Join(failed, damages(list))
}

// lost reports whether err, of reading a container, tells of a loss of power. The files of an
// --rm container are not written to last, so it can leave them empty, or some of them; those of others
// are on the disk before the record is, without which they do not count.
func lost(ct Container, err error) bool {
	if ct.ID == "" {
		return errors.Is(err, errEmpty)
	}
	return ct.AutoRemove && (errors.Is(err, errEmpty) || errors.Is(err, errMissing))
}

// Sweep is Survey for a command that shows no containers, or one.
func (c *Containers) Sweep() error {
	_, swept, _ := c.Survey()
	return swept
}

// read reads all containers, two and more at a time. Those that are orphaned are
// repaired, and read again.
func (c *Containers) read(orphaned func(id string, ct Container, err error) bool) (list []Container, swept, unread error) {
	ids, err := c.ids()
	if err != nil {
		return nil, nil, err
	}
	all, failed, repairs := make([]Container, len(ids)), make([]error, len(ids)), make([]error, len(ids))
	var readers sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		readers.Go(func() {
			for i := w; i < len(ids); i += workers {
				all[i], failed[i] = c.Get(ids[i])
				if orphaned(ids[i], all[i], failed[i]) {
					repairs[i] = errors.Join(c.list(ids[i]), c.repair(ids[i]))
					all[i], failed[i] = c.Get(ids[i])
				}
			}
		})
	}
	readers.Wait()
	var errs []error
	for i, err := range failed {
		d, damaged := errors.AsType[*DamagedError](err)
		switch {
		case errors.Is(err, ErrNotFound): // just being made, or just removed
		case damaged:
			list = append(list, c.salvage(all[i], d))
		case err != nil:
			errs = append(errs, fmt.Errorf("container %s: %w", Short(ids[i]), err))
		default:
			list = append(list, all[i])
		}
	}
	slices.SortFunc(list, func(a, b Container) int {
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.ID, b.ID))
	})
	return list, errors.Join(repairs...), errors.Join(errs...)
}

// sweepGone removes what is left of containers that were being removed by somebody who died.
func (c *Containers) sweepGone() error {
	entries, err := os.ReadDir(c.data)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		id, gone := strings.CutPrefix(e.Name(), gonePrefix)
		if !gone || !isID(id) || os.Mkdir(filepath.Join(c.run, id), 0o700) != nil {
			continue // what is listed there is somebody's, or Repair's
		}
		lock, err := c.tryLock(id)
		if err == nil {
			err = errors.Join(c.clear(id), c.unlist(id), lock.Release())
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
