package main

import (
	"fmt"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/explain"
	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/pull"
	"github.com/learnbox/learnbox/sandbox"
	"github.com/learnbox/learnbox/sandbox/cgroup"
	"github.com/learnbox/learnbox/unpack"
)

// know tells the Teller of a container that has its place.
func (a *app) know(draft *lifecycle.Draft, rootfs string) (groups []string) {
	if a.teller == nil {
		return nil
	}
	groups, err := lifecycle.Groups(draft.Cgroup)
	if err != nil {
		groups = nil // the step that makes them says why
	}
	a.teller.Know(explain.Known{ID: draft.ID, Name: draft.Name, Dir: draft.Dir, Rootfs: rootfs, Groups: groups})
	return groups
}

// knowPlan tells it which steps the container takes, and on what.
func (a *app) knowPlan(c *containerFlags, ct *created, rootfs string) error {
	if a.teller == nil {
		return nil
	}
	outline, err := outlineOf(c.PID == "host", ct.built, ct.Dir, rootfs)
	if err != nil {
		return err
	}
	k := explain.Known{
		ID: ct.ID, Name: ct.Name, Dir: ct.Dir, Rootfs: rootfs, Groups: ct.groups,
		Needed: []string{pull.ResolveStep().ID, pull.FetchStep().ID, unpack.Step().ID, lifecycle.CreateStep().ID},
	}
	for name := range ct.built.Spec.Linux.Sysctl {
		k.Sysctls = append(k.Sysctls, name)
	}
	for _, s := range outline {
		if s.Needed {
			k.Needed = append(k.Needed, s.ID)
		}
	}
	k.Needed = append(k.Needed, lifecycle.ExitStep().ID)
	k.Limits = limitFiles(ct.built.Spec.Linux.Resources)
	k.Args = func(step string) []string {
		for _, s := range outline {
			if s.ID == step {
				return s.Args()
			}
		}
		return nil
	}
	k.ByHand = byHandOf(ct, rootfs, c.Interactive)
	a.teller.Know(k)
	a.warnUnneeded(outline)
	return nil
}

// limitFiles are the files of a control group that limits go into.
func limitFiles(r *specs.LinuxResources) []string {
	files := []string{}
	h, err := cgroup.Detect()
	if err != nil {
		return files // the step that makes the group says why
	}
	for _, s := range h.Settings(r) {
		for set := &s; set != nil; set = set.Else {
			files = append(files, set.File)
		}
	}
	return files
}

// warnUnneeded tells of breakpoints that this run will not come to.
func (a *app) warnUnneeded(outline []sandbox.Outlined) {
	for _, s := range outline {
		if !s.Needed && (slices.Contains(a.stops.Break, s.ID) || slices.Contains(a.stops.BreakAfter, s.ID)) {
			a.warn("run", fmt.Sprintf("this run does not take the step %s; what decides about it: %s", s.ID, firstOf(s.Flag, "this machine")))
		}
	}
}
