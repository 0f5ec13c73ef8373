package main

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/lifecycle"
)

// RmCmd is "learnbox rm".
type RmCmd struct {
	Force      bool     `short:"f" help:"Kill what runs first."`
	Volumes    bool     `short:"v" help:"Remove its anonymous volumes, too."`
	Containers []string `arg:"" name:"container" placeholder:"CONTAINER" help:"Names, IDs or beginnings of IDs."`
}

// Help is printed below the flags.
func (RmCmd) Help() string {
	return `What the container wrote goes with it; what it wrote into a volume stays there. With
-v the volumes go that have no name and that no other container uses.

Examples:
  learnbox rm busy_kepler
  learnbox rm -f web
  learnbox rm $(learnbox ps -aq)`
}

// Run does the verb. One container that cannot be removed does not keep the others.
func (c *RmCmd) Run(a *app) error {
	all, err := a.containers("rm")
	if err != nil {
		return a.asRoot("remove containers", err)
	}
	var failed []error
	for _, word := range c.Containers {
		ct, err := all.Find(word)
		d, damaged := errors.AsType[*lifecycle.DamagedError](err)
		switch {
		case c.Force && errors.Is(err, lifecycle.ErrNotFound) && a.giveUpDraft(word):
			err = nil
		case c.Force && damaged:
			err = all.RemoveDamaged(d.ID, c.Volumes)
		case err == nil && c.Force:
			err = a.removeByForce(all, ct, c.Volumes)
		case err == nil:
			if err = a.standsStill(ct); err == nil {
				err = all.Remove(ct, c.Volumes)
			}
		}
		switch {
		case errors.Is(err, lifecycle.ErrRunning):
			failed = append(failed, hintedError{fmt.Errorf("%s: %w", word, err), "stop it first, or use -f"})
		case errors.Is(err, lifecycle.ErrNotFound) && c.Force: // scripts make sure with it that a name is free
			a.warn("rm", err.Error())
		case errors.Is(err, lifecycle.ErrNotFound):
			failed = append(failed, unknownContainer(err))
		case errors.Is(err, unix.EBUSY):
			failed = append(failed, hintedError{fmt.Errorf("%s: %w", word, err), "something is mounted there: unmount it, and try again"})
		case err != nil:
			failed = append(failed, fmt.Errorf("%s: %w", word, a.asRoot("remove containers", err)))
		default:
			fmt.Fprintln(a.stdout, word)
		}
	}
	return errors.Join(failed...)
}

// removeByForce kills and removes a container, and gives up a run that stands still. Somebody may start it between the two, so that
// is tried more than once; and an --rm container goes by itself when it is killed.
func (a *app) removeByForce(all *lifecycle.Containers, ct lifecycle.Container, volumes bool) error {
	for try := 1; ; try++ {
		a.giveUp(ct)
		err := killIfRunning(all, ct)
		if err == nil {
			err = all.Remove(ct, volumes)
		}
		switch {
		case errors.Is(err, lifecycle.ErrNotFound):
			return nil
		case !errors.Is(err, lifecycle.ErrRunning) || try == 10:
			return err
		}
	}
}

// killIfRunning kills a container's program, and waits for its rest.
func killIfRunning(all *lifecycle.Containers, ct lifecycle.Container) error {
	err := all.Kill(ct.ID, unix.SIGKILL)
	if err == nil {
		_, err = all.Wait(ct.ID)
	}
	if errors.Is(err, lifecycle.ErrNotRunning) {
		return nil
	}
	return err
}
