package main

import (
	"path/filepath"
	"slices"

	"github.com/learnbox/learnbox/explain"
	"github.com/learnbox/learnbox/explain/evidence"
	"github.com/learnbox/learnbox/explain/texts"
	"github.com/learnbox/learnbox/narrate"
)

// LookCmd is "learnbox look".
type LookCmd struct {
	Words []string `arg:"" optional:"" name:"container" placeholder:"[CONTAINER] [STEP]" help:"Which container, and the evidence of which step."`
}

// Help is printed below the flags.
func (LookCmd) Help() string {
	return `Reads from the kernel, now, what shows that a step was taken: of a run that
stands at a breakpoint, or of a running container. Without a step it is the last
one that was taken, or for a running container all of them.

Examples:
  learnbox look
  learnbox look ns.uts
  learnbox look busy_kepler caps.set`
}

// Run does the verb.
func (c *LookCmd) Run(a *app) error {
	container, step, err := c.words()
	if err != nil {
		return err
	}
	place, err := a.placeOf(container)
	if err != nil {
		return err
	}
	steps := place.Done
	switch {
	case step != "":
		if err := untaken(place, step); err != nil {
			return err
		}
		steps = []string{step}
	case len(place.Next) > 0 && len(steps) > 0: // it stands at a breakpoint
		steps = steps[len(steps)-1:]
	}
	text := narrate.Text{W: a.stdout, Color: a.colorOut()}
	subject := evidence.Subject{
		Pid: place.Pid, Monitor: place.Monitor, Dir: place.Dir, Images: filepath.Join(a.imagesDir(), "blobs", "sha256"),
		Rootfs: place.Rootfs, Groups: place.Groups, Sysctls: place.Sysctls, Limits: place.Limits, Merged: place.Merged(),
	}
	variables := explain.VariablesOf(place, a.root)
	for _, s := range allSteps() {
		if slices.Contains(steps, s.ID) {
			about, _ := texts.ForStep(s.ID)
			text.Look(s, evidence.Now(s.ID, subject), variables.Expand(about.Look.Command))
		}
	}
	return nil
}

// words tells a container from a step: a step's id is no container's name that
// anybody would choose.
func (c *LookCmd) words() (container, step string, err error) {
	switch len(c.Words) {
	case 0:
	case 1:
		if slices.Contains(stepIDs(), c.Words[0]) {
			return "", c.Words[0], nil
		}
		container = c.Words[0]
	case 2:
		container, step = c.Words[0], c.Words[1]
		if !slices.Contains(stepIDs(), step) {
			return "", "", unknownStep(step)
		}
	default:
		return "", "", usageError("look takes a container and a step, no more")
	}
	return container, step, nil
}
