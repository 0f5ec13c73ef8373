package main

import (
	"fmt"
	"maps"
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

// know tells the Teller of a container that has its place. Its config.json is built later, while
// its first process comes up.
func (c *containerFlags) know(a *app, draft *lifecycle.Draft, rootfs string) (groups []string) {
	if a.teller == nil {
		return nil
	}
	groups, err := lifecycle.Groups(draft.Cgroup)
	if err != nil {
		groups = nil // the step that makes them says why
	}
	a.teller.Know(explain.Known{
		ID: draft.ID, Name: draft.Name, Dir: draft.Dir, Rootfs: rootfs, Groups: groups, ByHand: c.byHandEarly(draft),
	})
	return groups
}

// byHandEarly shows the steps that do not wait for the config.json, and need but a little of it.
func (c *containerFlags) byHandEarly(draft *lifecycle.Draft) func(step string) []string {
	early := &specs.Spec{
		Process: &specs.Process{Terminal: c.TTY},
		Linux:   &specs.Linux{CgroupsPath: "/" + draft.Cgroup},
	}
	if c.PID != "host" {
		early.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.PIDNamespace}}
	}
	lines := byHandOf(toldRun{Record: lifecycle.Record{ID: draft.ID, OpenStdin: c.Interactive}, dir: draft.Dir, built: spec.Result{Spec: early}})
	return func(step string) []string {
		if slices.Contains([]string{"container.create", "cgroup.create", "init.clone"}, step) {
			return lines(step)
		}
		return nil
	}
}

// A toldRun is a container whose steps are told of.
type toldRun struct {
	lifecycle.Record
	dir    string
	built  spec.Result
	groups []string // the directories of its control group

	monitored bool // a process of its own takes the steps
	detached  bool // nobody waits for its end
	again     bool // it is there already, and only started
}

// knowPlan tells the Teller which steps the container takes, and on what.
func (a *app) knowPlan(r toldRun) error {
	if a.teller == nil {
		return nil
	}
	outline, err := r.outline()
	if err != nil {
		return err
	}
	k := explain.Known{
		ID: r.ID, Name: r.Name, Dir: r.dir, Rootfs: r.Rootfs, Groups: r.groups,
		Needed: r.needed(outline), Volumes: volumePlaces(outline),
		Sysctls: slices.Sorted(maps.Keys(r.built.Spec.Linux.Sysctl)),
		Limits:  limitFiles(r.built.Spec.Linux.Resources),
	}
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

// outline tells which steps of the table the container takes.
func (r toldRun) outline() ([]sandbox.Outlined, error) {
	ownPIDs := slices.ContainsFunc(r.built.Spec.Linux.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == specs.PIDNamespace })
	return outlineOf(!ownPIDs, r.built, r.dir, r.Rootfs)
}

// needed are the ids of all steps that the run takes, in their order.
func (r toldRun) needed(outline []sandbox.Outlined) []string {
	var ids []string
	if !r.again {
		ids = append(ids, pull.ResolveStep().ID, pull.FetchStep().ID, unpack.Step().ID, lifecycle.CreateStep().ID)
	}
	if r.monitored {
		ids = append(ids, lifecycle.MonitorStep().ID)
	}
	for _, s := range outline {
		if s.Needed {
			ids = append(ids, s.ID)
		}
	}
	if !r.detached {
		ids = append(ids, lifecycle.ExitStep().ID)
	}
	return ids
}

// volumePlaces are where in the container its volumes are.
func volumePlaces(outline []sandbox.Outlined) []string {
	for _, s := range outline {
		if s.ID == "rootfs.volumes" {
			return s.Mounts
		}
	}
	return nil
}

// defined is a container as its files tell it, whose steps a process of its own takes.
func defined(r lifecycle.Record, config *specs.Spec, dir string, groups []string) toldRun {
	return toldRun{
		Record: r, dir: dir, groups: groups, monitored: true, detached: true,
		built: spec.Result{Spec: config, SeccompProfile: r.Seccomp, Init: r.Init},
	}
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
	run := defined(r, config, filepath.Join(a.root, "containers", r.ID), groups)
	run.again = true
	return a.knowPlan(run)
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
			a.warn("run", fmt.Sprintf("this run does not take the step %s; what decides about it: %s", s.ID, decider(s)))
		}
	}
}
