package main

import (
	"errors"

	"github.com/learnbox/learnbox/lifecycle"
)

// StartCmd is "learnbox start".
type StartCmd struct {
	Attach      bool `short:"a" help:"Show its output, pass signals on, and end with its exit code."`
	Interactive bool `short:"i" help:"Type into it, too."`
	explainFlags
	Containers []string `arg:"" name:"container" placeholder:"CONTAINER" help:"Names, IDs or beginnings of IDs."`
}

// Help is printed below the flags.
func (StartCmd) Help() string {
	return `Starts containers that were created or have ended. What they wrote is still there;
their namespaces are new.

Examples:
  learnbox start web
  learnbox start -ai web`
}

// KeepsSignals lets start -a pass signals on.
func (StartCmd) KeepsSignals() {}

// Run does the verb.
func (c *StartCmd) Run(a *app) error {
	if !c.Attach && !c.Interactive {
		return a.each("start", c.Containers, func(_ *lifecycle.Containers, ct lifecycle.Container) error {
			return c.startIfResting(a, ct)
		})
	}
	if len(c.Containers) > 1 {
		return usageError("start and attach: one container at a time")
	}
	var code int
	err := a.visit("start", c.Containers, func(all *lifecycle.Containers, ct lifecycle.Container, _ string) error {
		err := c.startIfResting(a, ct)
		if err != nil {
			return err
		}
		code, err = a.attachTo(all, ct, attachOptions{stdin: c.Interactive, signals: true, replay: true})
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
