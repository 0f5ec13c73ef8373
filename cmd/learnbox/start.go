package main

import (
	"errors"

	"github.com/learnbox/learnbox/lifecycle"
)

// StartCmd is "learnbox start".
type StartCmd struct {
	Attach      bool     `short:"a" help:"Show its output, pass signals on, and end with its exit code."`
	Interactive bool     `short:"i" help:"Type into it, too."`
	Containers  []string `arg:"" name:"container" placeholder:"CONTAINER" help:"Names, IDs or beginnings of IDs."`
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
			return a.startIfResting(ct.ID)
		})
	}
	if len(c.Containers) > 1 {
		return usageError("start and attach: one container at a time")
	}
	var code int
	err := a.visit("start", c.Containers, func(all *lifecycle.Containers, ct lifecycle.Container, _ string) error {
		err := a.startIfResting(ct.ID)
		if err != nil {
			return exitError{codeOf(err), err}
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
// Docker.
func (a *app) startIfResting(id string) error {
	err := a.start(id, "start")
	if errors.Is(err, lifecycle.ErrRunning) {
		return nil
	}
	return err
}
