package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/narrate"
)

// A container in the foreground that is kept when its program has ended, or at whose
// terminal somebody sits, has a monitor's process like one in the background, and stays
// when this command goes, however it goes. The command is then only attached to it.
//
// One that would be removed at its end anyway has none: its command watches over it,
// which makes that run quicker by the start of a process, and ends with it.

// outlives reports whether the container is to stay when the command that runs it goes.
func (c *containerFlags) outlives(w watch) bool {
	return c.detached || !c.Rm || c.TTY || c.left || w.needed()
}

// follow starts a container that has a monitor, and stays with its program until that
// ends for the first time. Its exit code is that of this end, as in Docker.
func (c *RunCmd) follow(ctx context.Context, a *app, ct *created, proxy *signalProxy, keys []byte) (code int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, errors.Join(err, ct.Discard())
	}
	if !c.left {
		go proxy.receiveAll()
	}
	at, err := ct.startDetached(ctx, a)
	if err != nil {
		return 0, err
	}
	if c.left {
		proxy.stop()
		proxy = nil
	}
	if a.teller != nil {
		a.writeAfterStory(at.TTY)
	}
	return a.stayToEnd(at, attachOptions{stdin: c.Interactive, keys: keys, proxy: proxy})
}

// startAttached starts a container that is at rest with a monitor of its own, and
// misses nothing of what its program says.
func (a *app) startAttached(all *lifecycle.Containers, id string, o lifecycle.StartOptions, stdin bool) (*lifecycle.Attachment, error) {
	o.Size = a.terminalSize()
	at, warnings, err := all.StartAttached(id, o, stdin)
	for _, w := range warnings {
		a.warn("start", w)
	}
	if err == nil && a.teller != nil {
		a.writeAfterStory(at.TTY)
	}
	return at, err
}

// stayToEnd is stayAttached to a program that was started just now, whose end is told.
func (a *app) stayToEnd(at *lifecycle.Attachment, o attachOptions) (code int, err error) {
	code, ended, err := a.stayAttached(at, o)
	if err == nil && ended && a.narrate != nil {
		err = a.narrate.Hear(narrate.Event{Step: lifecycle.ExitStep(), Phase: narrate.Done, Pid: at.Pid})
	}
	return code, err
}

// writeAfterStory lets what the program writes wait until all steps are told. On a terminal
// that is the program's own from then on, nothing more is told.
func (a *app) writeAfterStory(terminal bool) {
	told := a.teller.Running()
	if terminal {
		a.teller.Mute()
	}
	a.stdout, a.stderr = laterWriter{told, a.stdout}, laterWriter{told, a.stderr}
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
func (a *app) may(ct lifecycle.Container, word string, deed lifecycle.Deed) error {
	if err := a.standsStill(ct); err != nil {
		return err
	}
	err := ct.State.Status.Refuses(deed)
	if err == nil {
		return nil
	}
	hint := "learnbox start " + word
	switch {
	case deed == lifecycle.ToResume:
		hint = "learnbox ps --filter status=paused lists those that are"
	case ct.State.Status == lifecycle.Paused:
		hint = "learnbox unpause " + word
	case ct.State.Status == lifecycle.Restarting:
		hint = "wait until it is running"
	}
	return hintedError{err, hint}
}
