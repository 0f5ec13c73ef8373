package main

import (
	"errors"
	"fmt"

	"github.com/learnbox/learnbox/explain/stop"
)

// NextCmd is "learnbox next".
type NextCmd struct {
	Container string `arg:"" optional:"" placeholder:"CONTAINER" help:"Name or ID, if more than one run stands at a breakpoint."`
}

// Help is printed below the flags.
func (NextCmd) Help() string {
	return `Has a run that stands at a breakpoint take one step, and waits until it has.

Examples:
  learnbox next
  learnbox next busy_kepler`
}

// Run does the verb.
func (c *NextCmd) Run(a *app) error { return a.say(c.Container, stop.Next) }

// ContinueCmd is "learnbox continue".
type ContinueCmd struct {
	Container string `arg:"" optional:"" placeholder:"CONTAINER" help:"Name or ID, if more than one run stands at a breakpoint."`
}

// Help is printed below the flags.
func (ContinueCmd) Help() string {
	return `Has a run that stands at a breakpoint go on to the next one, or to its program.

Examples:
  learnbox continue
  learnbox continue busy_kepler`
}

// Run does the verb.
func (c *ContinueCmd) Run(a *app) error { return a.say(c.Container, stop.Continue) }

// say tells a run what to do, and the user what came of it.
func (a *app) say(word string, v stop.Verdict) error {
	s, err := a.stopped(word)
	if err != nil {
		return err
	}
	place, err := s.Say(v)
	switch {
	case errors.Is(err, stop.ErrBusy):
		return fmt.Errorf("%s: %w, last seen %s", labels([]stop.Stopped{s})[0], err, s.At)
	case errors.Is(err, stop.ErrEnded) && !a.alive(s.Container):
		fmt.Fprintln(a.stdout, "the run has ended")
		return nil
	case place == nil && (err == nil || errors.Is(err, stop.ErrEnded)):
		fmt.Fprintln(a.stdout, "the run stops nowhere any more")
		return nil
	case err != nil:
		return err
	}
	printPlace(a.stdout, stop.Stopped{Place: *place})
	return nil
}
