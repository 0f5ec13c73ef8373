package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/learnbox/learnbox/lifecycle"
)

// A run whose program may be started again, or whose health is looked after, has a
// monitor's process also in the foreground: the container stays when this command
// goes. The command is then only attached to it.

// follow starts a container that is made, and stays with its program until that
// ends for the first time. Its exit code is that of this end, as in Docker.
func (c *RunCmd) follow(ctx context.Context, a *app, all *lifecycle.Containers, ct *created, proxy *signalProxy) (code int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, errors.Join(err, ct.Discard())
	}
	if err := ct.Keep(ct.record, ct.built.Spec); err != nil {
		return 0, err
	}
	at, err := a.startAttached(all, ct.ID, "run", c.Interactive)
	if err := a.unlessGivenUp(ctx, ct.ID, err); err != nil {
		return 0, err
	}
	return a.stayAttached(at, attachOptions{stdin: c.Interactive, signals: true, keys: detachKeys(), early: proxy})
}

// startAttached starts a container that is at rest with a monitor of its own, and
// misses nothing of what its program says.
func (a *app) startAttached(all *lifecycle.Containers, id, verb string, stdin bool) (*lifecycle.Attachment, error) {
	o, err := a.startOptions(all, id)
	if err != nil {
		return nil, err
	}
	o.Size = a.terminalSize()
	at, warnings, err := all.StartAttached(id, o, stdin)
	for _, w := range warnings {
		a.warn(verb, w)
	}
	if err == nil && a.teller != nil {
		<-a.teller.Running()
		a.teller.Mute()
	}
	return at, err
}

// startByPolicy starts what is at rest and should not be, after a boot.
func (c *StartCmd) startByPolicy(a *app) error {
	all, err := a.containers("start")
	if err != nil {
		return a.asRoot("start containers", err)
	}
	list, swept, damaged := all.Survey()
	failed := []error{swept, damaged}
	for _, ct := range slices.Backward(list) { // the oldest first
		if !ct.WantsStart() {
			continue
		}
		if err := c.startIfResting(a, ct); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", ct.Name, err))
			continue
		}
		fmt.Fprintln(a.stdout, ct.Name)
	}
	return errors.Join(failed...)
}

// may says whether the state of a container allows a deed, and if not what would
// change that.
func may(ct lifecycle.Container, word string, deed lifecycle.Deed) error {
	err := ct.State.Status.Refuses(deed)
	if err == nil {
		return nil
	}
	hint := "learnbox start " + word
	switch ct.State.Status { //nolint:exhaustive // the others are at rest
	case lifecycle.Paused:
		hint = "learnbox unpause " + word
	case lifecycle.Restarting:
		hint = "wait until it is running"
	}
	return hintedError{err, hint}
}
