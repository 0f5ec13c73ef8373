package main

import (
	"errors"

	"github.com/learnbox/learnbox/lifecycle"
)

// StartCmd is "learnbox start".
type StartCmd struct {
	Attach          bool `short:"a" help:"Show its output, pass signals on, and end with its exit code."`
	Interactive     bool `short:"i" help:"Type into it, too."`
	RestartPolicies bool `help:"Start what is to run after a boot: always, and unless-stopped if nobody had stopped it."`
	detachFlags
	explainFlags
	Containers []string `arg:"" optional:"" name:"container" placeholder:"CONTAINER" help:"Names, IDs or beginnings of IDs."`
}

// Help is printed below the flags.
func (StartCmd) Help() string {
	return `Starts containers that were created or have ended. What they wrote is still there;
their namespaces are new.

Examples:
  learnbox start web
  learnbox start -ai web
  learnbox start --restart-policies     (scripts/learnbox.service does so at each boot)`
}

// KeepsSignals lets start -a pass signals on.
func (StartCmd) KeepsSignals() {}

// Run does the verb.
func (c *StartCmd) Run(a *app) error {
	keys, err := c.keys()
	switch {
	case err != nil:
		return err
	case c.RestartPolicies && (len(c.Containers) > 0 || c.Attach || c.Interactive):
		return usageError("--restart-policies chooses the containers, and attaches to none")
	case c.RestartPolicies:
		return c.startByPolicy(a)
	case len(c.Containers) == 0:
		return exitError{exitUsage, hintedError{errors.New("CONTAINER is missing"), "usage: learnbox start [FLAGS] CONTAINER..."}}
	}
	if !c.Attach && !c.Interactive {
		return a.each("start", c.Containers, func(_ *lifecycle.Containers, ct lifecycle.Container) error {
			return c.startIfResting(a, ct)
		})
	}
	if len(c.Containers) > 1 {
		return usageError("you cannot start and attach multiple containers at once")
	}
	var code int
	err = a.visit("start", c.Containers, func(all *lifecycle.Containers, ct lifecycle.Container, _ string) error {
		o := attachOptions{stdin: c.Interactive, keys: keys}
		told, err := c.tell(a.ctx, a, ct.Image, false, &stopFlags{})
		if err != nil {
			return err
		}
		defer told()
		so, err := a.startOptions(all, ct.ID)
		if err != nil {
			return err
		}
		at, err := a.startAttached(all, ct.ID, so, c.Interactive)
		o.proxy = newProgramProxy()
		switch {
		case errors.Is(err, lifecycle.ErrRunning):
			code, err = a.attachTo(all, ct, o)
			return err
		case err != nil: // 1, as in Docker
			return err
		}
		code, err = a.stayToEnd(at, o)
		return err
	})
	if err != nil {
		return err
	}
	return exitError{code: code}
}

// startIfResting starts a container; one that runs already is no error, as in
// Docker, but for a paused one.
func (c *StartCmd) startIfResting(a *app, ct lifecycle.Container) error {
	if ct.State.Status == lifecycle.Paused {
		return hintedError{errors.New("the container is paused"), "learnbox unpause " + ct.Name}
	}
	told, err := c.tell(a.ctx, a, ct.Image, false, &stopFlags{})
	if err != nil {
		return err
	}
	defer told()
	err = a.start(ct.ID, "start")
	if errors.Is(err, lifecycle.ErrRunning) {
		return nil
	}
	return err
}
