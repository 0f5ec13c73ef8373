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

	"github.com/learnbox/learnbox/explain/stop"
	"github.com/learnbox/learnbox/lifecycle"
)

// This file finds the run or the container that somebody wants to look at.

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
	return a.runningPlace(ct)
}

// runningPlace is where a running container stands: behind all the steps that its run took.
func (a *app) runningPlace(ct lifecycle.Container) (stop.Place, error) {
	all, err := lifecycle.Open(a.root, a.runDir)
	if err != nil {
		return stop.Place{}, err
	}
	groups, err := lifecycle.Groups(all.Cgroup(ct.ID))
	if err != nil {
		return stop.Place{}, err
	}
	record, config, err := all.Definition(ct.ID)
	if err != nil {
		return stop.Place{}, err
	}
	run := defined(record, config, filepath.Join(a.root, "containers", ct.ID), groups)
	monitor := monitorOf(ct.State.Pid)
	run.monitored = monitor != 0
	outline, err := run.outline()
	if err != nil {
		return stop.Place{}, err
	}
	return stop.Place{
		Container: ct.ID, Name: ct.Name, Image: ct.Image, Pid: ct.State.Pid, Monitor: monitor,
		Done: run.needed(outline), Dir: run.dir, Rootfs: ct.Rootfs, Groups: groups,
		Sysctls: slices.Sorted(maps.Keys(config.Linux.Sysctl)), Volumes: volumePlaces(outline),
		Limits: limitFiles(config.Linux.Resources),
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
