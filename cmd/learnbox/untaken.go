package main

import (
	"fmt"
	"slices"

	"github.com/learnbox/learnbox/explain/stop"
	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/sandbox"
)

// untaken is the error about a step that a run neither took nor comes to.
func untaken(p stop.Place, step string) error {
	if slices.Contains(p.Done, step) || slices.Contains(p.Next, step) {
		return nil
	}
	if step == lifecycle.ExitStep().ID {
		return fmt.Errorf("%s has not come to the step %s: its program runs", p.Name, step)
	}
	return withDecider(fmt.Errorf("the run of %s did not take the step %s", p.Name, step), step)
}

// withDecider adds to an error about a step what decides whether a run takes it, if that is known.
func withDecider(err error, step string) error {
	if step == lifecycle.MonitorStep().ID {
		return hintedError{err, "what decides about it: --rm without -t, -d, --no-sig-proxy or a check of its health"}
	}
	built, buildErr := plainContainer("/")
	if buildErr != nil {
		return err
	}
	outline, outlineErr := outlineOf(false, built, "/", "/")
	if outlineErr != nil {
		return err
	}
	for _, s := range outline {
		if s.ID == step && (s.Flag != "" || !s.Needed) {
			return hintedError{err, "what decides about it: " + decider(s)}
		}
	}
	return err
}

// decider is what decides whether a run takes a step.
func decider(s sandbox.Outlined) string {
	return firstOf(s.Flag, "this machine, or other flags")
}
