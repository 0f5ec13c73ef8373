package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/moby/sys/signal"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/lifecycle"
)

// This file has the verbs that move containers from one state to another. Each
// takes several containers, prints the name of each that it has moved, and goes on
// when one cannot be.

// StopCmd is "learnbox stop".
type StopCmd struct {
	Signal     string   `short:"s" placeholder:"SIGNAL" help:"Signal that asks the program to end (default the container's, or SIGTERM)."`
	Time       int      `short:"t" default:"10" placeholder:"SECONDS" help:"How long it may take before it is killed; -1 waits for ever."`
	Containers []string `arg:"" name:"container" placeholder:"CONTAINER" help:"Names, IDs or beginnings of IDs."`
}

// Help is printed below the flags.
func (StopCmd) Help() string {
	return `Examples:
  learnbox stop web
  learnbox stop -t 1 web db`
}

// KeepsSignals lets an interrupt end the wait at once. The container's monitor does the rest.
func (StopCmd) KeepsSignals() {}

// Run does the verb. A container that does not run is stopped.
func (c *StopCmd) Run(a *app) error {
	return a.each("stop", c.Containers, func(all *lifecycle.Containers, ct lifecycle.Container) error {
		return stopOne(all, ct, c.Signal, c.Time)
	})
}

func stopOne(all *lifecycle.Containers, ct lifecycle.Container, word string, seconds int) error {
	sig, err := signalOf(firstOf(word, ct.StopSignal, "SIGTERM"))
	if err != nil {
		return err
	}
	_, err = all.Stop(ct.ID, sig, time.Duration(seconds)*time.Second)
	if errors.Is(err, lifecycle.ErrNotRunning) {
		return nil
	}
	return err
}

const lastSignal = 64 // signal(7): SIGRTMAX

func signalOf(word string) (unix.Signal, error) {
	sig, err := signal.ParseSignal(word)
	if err != nil || sig < 1 || sig > lastSignal {
		return 0, exitError{exitFailed, hintedError{fmt.Errorf("invalid signal: %s", word), "kill -l lists them; 1 to 64 are known by number"}}
	}
	return sig, nil
}

// KillCmd is "learnbox kill".
type KillCmd struct {
	Signal     string   `short:"s" default:"SIGKILL" placeholder:"SIGNAL" help:"Signal to send."`
	Containers []string `arg:"" name:"container" placeholder:"CONTAINER" help:"Names, IDs or beginnings of IDs."`
}

// Help is printed below the flags.
func (KillCmd) Help() string {
	return `Examples:
  learnbox kill web
  learnbox kill -s HUP web`
}

// Run does the verb. With SIGKILL it returns when the container is at rest.
func (c *KillCmd) Run(a *app) error {
	sig, err := signalOf(c.Signal)
	if err != nil {
		return err
	}
	return a.each("kill", c.Containers, func(all *lifecycle.Containers, ct lifecycle.Container) error {
		err := all.Kill(ct.ID, sig)
		if err == nil && sig == unix.SIGKILL {
			if _, err = all.Wait(ct.ID); errors.Is(err, lifecycle.ErrNotRunning) {
				err = nil
			}
		}
		return err
	})
}

// PauseCmd is "learnbox pause".
type PauseCmd struct {
	Containers []string `arg:"" name:"container" placeholder:"CONTAINER" help:"Names, IDs or beginnings of IDs."`
}

// Help is printed below the flags.
func (PauseCmd) Help() string {
	return `All processes of the container stop where they are, by the freezer of its
control group. They do not notice.

Examples:
  learnbox pause web
  learnbox unpause web`
}

// Run does the verb.
func (c *PauseCmd) Run(a *app) error {
	return a.each("pause", c.Containers, func(all *lifecycle.Containers, ct lifecycle.Container) error {
		if err := a.may(ct, ct.Name, lifecycle.ToPause); err != nil {
			return err
		}
		return all.Pause(ct.ID)
	})
}

// UnpauseCmd is "learnbox unpause".
type UnpauseCmd struct {
	Containers []string `arg:"" name:"container" placeholder:"CONTAINER" help:"Names, IDs or beginnings of IDs."`
}

// Help is printed below the flags.
func (UnpauseCmd) Help() string {
	return `Examples:
  learnbox unpause web`
}

// Run does the verb.
func (c *UnpauseCmd) Run(a *app) error {
	return a.each("unpause", c.Containers, func(all *lifecycle.Containers, ct lifecycle.Container) error {
		if err := a.may(ct, ct.Name, lifecycle.ToResume); err != nil {
			return err
		}
		return all.Resume(ct.ID)
	})
}

// RestartCmd is "learnbox restart".
type RestartCmd struct {
	Signal     string   `short:"s" placeholder:"SIGNAL" help:"Signal that asks the program to end."`
	Time       int      `short:"t" default:"10" placeholder:"SECONDS" help:"How long it may take before it is killed."`
	Containers []string `arg:"" name:"container" placeholder:"CONTAINER" help:"Names, IDs or beginnings of IDs."`
}

// Help is printed below the flags.
func (RestartCmd) Help() string {
	return `Examples:
  learnbox restart web`
}

// Run does the verb. What the container wrote stays; its namespaces are new.
func (c *RestartCmd) Run(a *app) error {
	return a.each("restart", c.Containers, func(all *lifecycle.Containers, ct lifecycle.Container) error {
		if err := stopOne(all, ct, c.Signal, c.Time); err != nil {
			return err
		}
		if err := a.start(ct.ID, "restart"); err != nil && !errors.Is(err, lifecycle.ErrRunning) { // by somebody else, since
			return err
		}
		all.Report(ct.Record, "restart")
		return nil
	})
}

// WaitCmd is "learnbox wait".
type WaitCmd struct {
	Containers []string `arg:"" name:"container" placeholder:"CONTAINER" help:"Names, IDs or beginnings of IDs."`
}

// Help is printed below the flags.
func (WaitCmd) Help() string {
	return `Waits until the programs have ended, and prints their exit codes.

Examples:
  learnbox wait web`
}

// KeepsSignals lets an interrupt end the wait at once.
func (WaitCmd) KeepsSignals() {}

// Run does the verb.
func (c *WaitCmd) Run(a *app) error {
	return a.visit("wait", c.Containers, func(all *lifecycle.Containers, ct lifecycle.Container, _ string) error {
		code, err := all.Wait(ct.ID)
		if errors.Is(err, lifecycle.ErrNotRunning) { // it has ended, or was never started
			if now, err := all.Get(ct.ID); err == nil {
				code = now.State.ExitCode
			}
			err = nil
			fmt.Fprintln(a.stdout, code)
			return err
		}
		if err == nil {
			fmt.Fprintln(a.stdout, code)
		}
		return err
	})
}

// each does something to containers, and prints each word for which it was done.
func (a *app) each(verb string, words []string, do func(*lifecycle.Containers, lifecycle.Container) error) error {
	return a.visit(verb, words, func(all *lifecycle.Containers, ct lifecycle.Container, word string) error {
		if err := do(all, ct); err != nil {
			return err
		}
		fmt.Fprintln(a.stdout, word)
		return nil
	})
}

func (a *app) visit(verb string, words []string, do func(*lifecycle.Containers, lifecycle.Container, string) error) error {
	all, err := a.containers(verb)
	if err != nil {
		return a.asRoot("change containers", err)
	}
	var failed []error
	for _, word := range words {
		ct, err := all.Find(word)
		if err == nil {
			err = a.standsStill(ct)
		}
		if err == nil {
			err = do(all, ct, word)
		}
		switch {
		case errors.Is(err, lifecycle.ErrNotFound):
			failed = append(failed, unknownContainer(err))
		case err == lifecycle.ErrNotRunning: //nolint:errorlint // one that says nothing more
			failed = append(failed, hintedError{fmt.Errorf("%s: %w", word, err), "learnbox start " + word})
		case err != nil:
			failed = append(failed, fmt.Errorf("%s: %w", word, a.asRoot("change containers", err)))
		}
	}
	return errors.Join(failed...)
}
