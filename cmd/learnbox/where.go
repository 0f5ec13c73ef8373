package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/learnbox/learnbox/explain/stop"
	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/narrate"
)

// WhereCmd is "learnbox where".
type WhereCmd struct {
	JSON      bool   `name:"json" help:"Print a JSON object a line."`
	Container string `arg:"" optional:"" placeholder:"CONTAINER" help:"Name or ID of one; all without it."`
}

// Help is printed below the flags.
func (WhereCmd) Help() string {
	return `Shows the runs that stand at a breakpoint: at which step, what has been done,
and what comes. Start one with learnbox run --step IMAGE in another shell.

Examples:
  learnbox where
  learnbox where busy_kepler
  learnbox where --json`
}

// Run does the verb.
func (c *WhereCmd) Run(a *app) error {
	all, err := a.stoppedRuns()
	if err != nil {
		return err
	}
	if c.Container != "" {
		one, err := a.stopped(c.Container)
		if err != nil {
			return err
		}
		all = []stop.Stopped{one}
	}
	if len(all) == 0 {
		return errNothingStopped
	}
	for i, s := range all {
		if c.JSON {
			if err := json.NewEncoder(a.stdout).Encode(s.Place); err != nil {
				return fmt.Errorf("print JSON: %w", err)
			}
			continue
		}
		if i > 0 {
			fmt.Fprintln(a.stdout)
		}
		printPlace(a.stdout, s)
	}
	return nil
}

// errNothingStopped is the answer when no run stands at a breakpoint.
var errNothingStopped = hintedError{errors.New("no run stands at a breakpoint"), "start one with: learnbox run --step IMAGE"}

// stoppedRuns are the runs that have a gate.
func (a *app) stoppedRuns() ([]stop.Stopped, error) {
	all, err := stop.Find(a.gateDir())
	if err != nil {
		return nil, a.asRoot("look for stopped runs", err)
	}
	if len(all) == 0 {
		if _, err := os.ReadDir(a.gateDir()); errors.Is(err, os.ErrPermission) {
			return nil, a.asRoot("look for stopped runs", err)
		}
	}
	return all, nil
}

// stopped is the run that a word means; without one, the only one there is.
func (a *app) stopped(word string) (stop.Stopped, error) {
	all, err := a.stoppedRuns()
	if err != nil {
		return stop.Stopped{}, err
	}
	var fit []stop.Stopped
	for _, s := range all {
		if word == "" || s.Is(word) {
			fit = append(fit, s)
		}
	}
	switch {
	case len(fit) == 1:
		return fit[0], nil
	case len(fit) > 1:
		return stop.Stopped{}, exitError{exitUsage, hintedError{errors.New("more than one run is meant"), "name one of: " + strings.Join(labels(fit), ", ")}}
	case word == "":
		return stop.Stopped{}, errNothingStopped
	}
	return stop.Stopped{}, a.notStopped(word)
}

// notStopped says what is known of a container that stands at no breakpoint.
func (a *app) notStopped(word string) error {
	ct, err := a.findContainer(word)
	switch {
	case errors.Is(err, lifecycle.ErrNotFound):
		return hintedError{err, "learnbox where lists the runs that stand at a breakpoint"}
	case err != nil:
		return err
	case ct.State.Status == lifecycle.Running:
		return fmt.Errorf("%s stands at no breakpoint: its program runs", word)
	}
	return fmt.Errorf("%s stands at no breakpoint: it is %s", word, ct.State.Status)
}

func (a *app) findContainer(word string) (lifecycle.Container, error) {
	all, err := lifecycle.Open(a.root, a.runDir)
	if err != nil {
		return lifecycle.Container{}, a.asRoot("read the containers", err)
	}
	return all.Find(word)
}

// labels name runs: by container, or before there is one by process.
func labels(all []stop.Stopped) []string {
	var out []string
	for _, s := range all {
		out = append(out, firstOf(s.Name, fmt.Sprint(s.Process)))
	}
	return out
}

func printPlace(w io.Writer, s stop.Stopped) {
	who := fmt.Sprintf("process %d", s.Process)
	if s.Name != "" {
		who = fmt.Sprintf("%s (%s)", s.Name, lifecycle.Short(s.Container))
	}
	fmt.Fprintf(w, "%s, image %s\n", who, narrate.Plain(s.Image))
	word := "stopped"
	if s.Busy {
		word = "on its way, last stopped"
	}
	fmt.Fprintf(w, "  %s %s", word, s.At)
	if s.Pid != 0 {
		fmt.Fprintf(w, "; the container's first process is %d", s.Pid)
	}
	fmt.Fprintln(w)
	printList(w, "done", s.Done)
	next, label := s.Next, "then"
	if !s.Planned {
		label = "maybe" // the flags and the image decide
	}
	if len(next) > 0 && (s.Planned || !s.At.After) {
		printStep(w, next[0])
		next = next[1:]
	}
	printList(w, label, next)
}

// printStep says what a step is about.
func printStep(w io.Writer, id string) {
	for _, step := range allSteps() {
		if step.ID == id {
			fmt.Fprintf(w, "  next  %s: %s\n", id, step.Title)
			for _, l := range narrate.Wrap(step.Why, 72) {
				fmt.Fprintf(w, "        %s\n", l)
			}
		}
	}
}

func printList(w io.Writer, label string, words []string) {
	for _, l := range narrate.Wrap(strings.Join(words, " "), 72) {
		fmt.Fprintf(w, "  %-5s %s\n", label, l)
		label = ""
	}
}
