package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/learnbox/learnbox/explain"
	"github.com/learnbox/learnbox/explain/evidence"
	"github.com/learnbox/learnbox/explain/stop"
	"github.com/learnbox/learnbox/explain/texts"
	"github.com/learnbox/learnbox/lifecycle"
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
		steps = []string{step}
	case len(place.Next) > 0 && len(steps) > 0: // it stands at a breakpoint
		steps = steps[len(steps)-1:]
	}
	text := narrate.Text{W: a.stdout, Color: a.colorOut()}
	subject := evidence.Subject{
		Pid: place.Pid, Monitor: place.Monitor, Dir: place.Dir, Images: filepath.Join(a.imagesDir(), "blobs", "sha256"),
		Rootfs: place.Rootfs, Groups: place.Groups, Sysctls: place.Sysctls,
	}
	variables := explain.VariablesOf(place, a.root, a.runDir)
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

// placeOf finds a run at a breakpoint, or a running container, which is past all
// of its steps.
func (a *app) placeOf(word string) (stop.Place, error) {
	s, err := a.stopped(word)
	if err == nil {
		return s.Place, nil
	}
	if word == "" && !errors.Is(err, errNothingStopped) {
		return stop.Place{}, err
	}
	ct, err := a.runningContainer(word)
	if err != nil {
		return stop.Place{}, err
	}
	all, err := lifecycle.Open(a.root, a.runDir)
	if err != nil {
		return stop.Place{}, err
	}
	groups, err := lifecycle.Groups(all.Cgroup(ct.ID))
	if err != nil {
		return stop.Place{}, err
	}
	sysctls, err := all.Sysctls(ct.ID)
	if err != nil {
		return stop.Place{}, err
	}
	return stop.Place{
		Container: ct.ID, Name: ct.Name, Image: ct.Image, Pid: ct.State.Pid, Done: stepIDs(),
		Dir: filepath.Join(a.root, "containers", ct.ID), Rootfs: ct.Rootfs, Groups: groups,
		Sysctls: slices.Sorted(maps.Keys(sysctls)), Monitor: monitorOf(ct.State.Pid),
	}, nil
}

// monitorOf is the process that watches over a container: the parent of its first one. If that is
// a command, it is 0.
func monitorOf(pid int) int {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // a program that has ended has no parent
	_, line, _ := strings.Cut(string(status), "\nPPid:")
	word, _, _ := strings.Cut(line, "\n")
	parent, _ := strconv.Atoi(strings.TrimSpace(word))
	name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", parent))
	if called := strings.TrimSpace(string(name)); called == "" || !strings.HasPrefix(lifecycle.MonitorName, called) {
		return 0
	}
	return parent
}

// runningContainer is the one that a word means; without one, the only one.
func (a *app) runningContainer(word string) (lifecycle.Container, error) {
	if word != "" {
		ct, err := a.findContainer(word)
		if err == nil && ct.State.Status != lifecycle.Running {
			err = fmt.Errorf("%s does not run: it is %s", word, ct.State.Status)
		}
		return ct, err
	}
	running, err := a.runningContainers()
	if err != nil {
		return lifecycle.Container{}, err
	}
	switch len(running) {
	case 1:
		return running[0], nil
	case 0:
		return lifecycle.Container{}, hintedError{errors.New("nothing runs, and no run stands at a breakpoint"), "start one with: learnbox run --step IMAGE"}
	}
	return lifecycle.Container{}, exitError{exitUsage, hintedError{errors.New("more than one container runs"), "name one of those that learnbox ps lists"}}
}

func (a *app) runningContainers() ([]lifecycle.Container, error) {
	all, err := a.containers("look")
	if err != nil {
		return nil, a.asRoot("read the containers", err)
	}
	list, err := all.List()
	return slices.DeleteFunc(list, func(ct lifecycle.Container) bool {
		return ct.State.Status != lifecycle.Running || ct.Damage != nil
	}), err
}
