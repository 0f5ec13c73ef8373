package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/explain"
	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/sandbox/cgroup"
	"github.com/learnbox/learnbox/sandbox/spec"
)

// UpdateCmd is "learnbox update".
type UpdateCmd struct {
	changeableFlags
	explainFlags
	Restart    string   `placeholder:"POLICY" help:"When to start the program again: no, on-failure[:COUNT], always or unless-stopped."`
	Containers []string `arg:"" name:"container" placeholder:"CONTAINER" help:"Names, IDs or beginnings of IDs."`
}

// Help is printed below the flags.
func (UpdateCmd) Help() string {
	return `Changes the limits of containers, of those that run at once. All that is said of
limits is done, or nothing. What is not said, or 0, stays as it is. A restart policy
counts from the next end of the program on.

Examples:
  learnbox update --memory 128m --memory-swap 256m web
  learnbox update --cpus 0.5 --pids-limit 100 web db
  learnbox update --restart unless-stopped web`
}

// Run does the verb.
func (c *UpdateCmd) Run(a *app) error {
	limits := c.changeableFlags != changeableFlags{}
	if !limits && c.Restart == "" {
		return hintedError{errors.New("You must provide one or more flags when using this command."), "see learnbox update --help"} //nolint:revive,staticcheck // Docker's sentence
	}
	var policy lifecycle.RestartPolicy
	if c.Restart != "" {
		var err error
		if policy, err = lifecycle.ParseRestartPolicy(c.Restart); err != nil {
			return err
		}
	}
	host, err := hostFacts()
	if err != nil {
		return err
	}
	return a.each("update", c.Containers, func(all *lifecycle.Containers, ct lifecycle.Container) error {
		if c.Restart != "" {
			if err := all.SetRestart(ct.ID, policy); err != nil || !limits {
				return err
			}
		}
		u := &toldUpdate{change: func(present *specs.LinuxResources) (*specs.LinuxResources, error) {
			return spec.Update(present, c.limits(), host, spec.Options{Init: ct.Init, Limits: typedFlags(ct.Command).limits()})
		}}
		return c.tellLimits(a, all, ct, u, func() error {
			warnings, err := all.Update(ct.ID, u.limits)
			for _, w := range warnings {
				a.warn("update", w)
			}
			return err
		})
	})
}

// A toldUpdate notes which limits a container had, and which it gets.
type toldUpdate struct {
	change  func(*specs.LinuxResources) (*specs.LinuxResources, error)
	was, is *specs.LinuxResources
	groups  []string // the directories of its control group
}

func (u *toldUpdate) limits(present *specs.LinuxResources) (_ *specs.LinuxResources, err error) {
	u.was = present
	u.is, err = u.change(present)
	return u.is, err
}

// byHand are the lines for a shell that do what a step did.
func (u *toldUpdate) byHand(step string) []string {
	h, err := cgroup.Detect()
	if err != nil {
		return nil
	}
	before := h.Settings(u.was)
	var lines []string
	for _, s := range h.Settings(u.is) {
		if slices.ContainsFunc(before, func(b cgroup.Setting) bool { return b.File == s.File && b.Value == s.Value }) || (s.Controller() == "pids") != (step == "limits.pids") {
			continue
		}
		for _, dir := range u.groups {
			file := filepath.Join(dir, s.File)
			if _, err := os.Stat(file); err == nil {
				lines = append(lines, fmt.Sprintf("echo %s >%s", s.Value, file))
				break
			}
		}
	}
	if u.raisesMemory() { // on version 1 the limit with swap may at no moment be below the one without
		slices.Reverse(lines)
	}
	return lines
}

func (u *toldUpdate) raisesMemory() bool {
	limit := func(r *specs.LinuxResources) int64 {
		if r == nil || r.Memory == nil || r.Memory.Limit == nil {
			return math.MaxInt64
		}
		return *r.Memory.Limit
	}
	return limit(u.is) > limit(u.was)
}

// tellLimits sets limits, and tells which files of the control group show them before and
// after. Of a container at rest there is none.
func (c *UpdateCmd) tellLimits(a *app, all *lifecycle.Containers, ct lifecycle.Container, u *toldUpdate, set func() error) error {
	told, err := c.tell(a.ctx, a, ct.Image, false, &stopFlags{})
	if err != nil {
		return err
	}
	defer told()
	if a.teller == nil || !ct.State.Status.Alive() {
		return set()
	}
	if u.groups, err = lifecycle.Groups(all.Cgroup(ct.ID)); err != nil {
		return err
	}
	k := explain.Known{ID: ct.ID, Name: ct.Name, Groups: u.groups, ByHand: u.byHand}
	if _, config, err := all.Definition(ct.ID); err == nil {
		if changed, err := u.change(config.Linux.Resources); err == nil { // else set says why
			k.Limits = limitFiles(changed)
		}
	}
	a.teller.Know(k)
	if c.PidsLimit != "" {
		set = a.changing("limits.pids", set)
	}
	if (c.changeableFlags != changeableFlags{PidsLimit: c.PidsLimit}) {
		set = a.changing("cgroup.limit", set)
	}
	return set()
}

// changing tells of a step that is taken once more.
func (a *app) changing(id string, do func() error) func() error {
	step := stepOf(id)
	step.Why = "the files of a control group can be written at any time, and what they say holds at once"
	return func() error { return a.narrate.Run(step, do) }
}
