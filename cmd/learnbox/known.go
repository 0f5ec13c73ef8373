package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/explain"
	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/pull"
	"github.com/learnbox/learnbox/sandbox"
	"github.com/learnbox/learnbox/sandbox/cgroup"
	"github.com/learnbox/learnbox/sandbox/spec"
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

// A toldRun is a container whose steps are told of.
type toldRun struct {
	lifecycle.Record
	dir    string
	built  spec.Result
	groups []string // the directories of its control group

	monitored bool // a process of its own takes the steps
	detached  bool // nobody waits for its end
}

// knowPlan tells the Teller which steps the container takes, and on what.
func (a *app) knowPlan(r toldRun) error {
	if a.teller == nil {
		return nil
	}
	ownPIDs := slices.ContainsFunc(r.built.Spec.Linux.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == specs.PIDNamespace })
	outline, err := outlineOf(!ownPIDs, r.built, r.dir, r.Rootfs)
	if err != nil {
		return err
	}
	k := explain.Known{
		ID: r.ID, Name: r.Name, Dir: r.dir, Rootfs: r.Rootfs, Groups: r.groups,
		Needed: []string{pull.ResolveStep().ID, pull.FetchStep().ID, unpack.Step().ID, lifecycle.CreateStep().ID},
	}
	for name := range r.built.Spec.Linux.Sysctl {
		k.Sysctls = append(k.Sysctls, name)
	}
	if r.monitored {
		k.Needed = append(k.Needed, lifecycle.MonitorStep().ID)
	}
	for _, s := range outline {
		if s.Needed {
			k.Needed = append(k.Needed, s.ID)
		}
	}
	if !r.detached {
		k.Needed = append(k.Needed, lifecycle.ExitStep().ID)
	}
	k.Limits = limitFiles(r.built.Spec.Linux.Resources)
	k.Args = func(step string) []string {
		for _, s := range outline {
			if s.ID == step {
				return s.Args()
			}
		}
		return nil
	}
	k.ByHand = byHandOf(r)
	a.teller.Know(k)
	a.warnUnneeded(append(outline, sandbox.Outlined{Step: lifecycle.MonitorStep(), Needed: r.monitored, Flag: "--rm without -d and -t"}))
	return nil
}

// knowStart tells it of a container that a process of its own is to start.
func (a *app) knowStart(r lifecycle.Record, config *specs.Spec) error {
	if a.teller == nil {
		return nil
	}
	groups, err := lifecycle.Groups(strings.TrimPrefix(config.Linux.CgroupsPath, "/"))
	if err != nil {
		groups = nil // the step that makes them says why
	}
	return a.knowPlan(toldRun{
		Record: r, dir: filepath.Join(a.root, "containers", r.ID), groups: groups, monitored: true, detached: true,
		built: spec.Result{Spec: config, SeccompProfile: r.Seccomp, Init: r.Init},
	})
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
