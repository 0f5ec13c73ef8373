package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/sandbox"
)

// Environment of learnbox-told: who is killed ("parent@STEP", "command@STEP",
// "monitor@STEP" or "init@STEP"), and a file for the ids of the steps that began.
const (
	killEnv  = "LEARNBOX_TEST_KILL"
	stepsEnv = "LEARNBOX_TEST_STEPS"
)

// told is learnbox with somebody who listens to its steps, and who may act on
// one of the parent's own.
func told() {
	steps, err := os.OpenFile(firstOf(os.Getenv(stepsEnv), os.DevNull), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		panic(err)
	}
	who, at, _ := strings.Cut(os.Getenv(killEnv), "@")
	os.Exit(runTold(os.Args, os.Stdin, os.Stdout, os.Stderr, &narrate.Narrator{Hear: func(e narrate.Event) error {
		if e.Phase != narrate.Begin {
			return nil
		}
		fmt.Fprintln(steps, e.Step.ID)
		switch {
		case e.Step.ID != at:
		case who == "parent" || who == "command":
			_ = unix.Kill(os.Getpid(), unix.SIGKILL)
		case !killBelow(who):
			go func() { // as soon as there is one
				for !killBelow(who) {
					runtime.Gosched()
				}
			}()
		}
		return nil
	}}))
}

// killBelow kills the init or the monitor, if there is one.
func killBelow(who string) bool {
	pid := childOf(os.Getpid())
	if who == "init" && nameOf(pid) != sandbox.InitName {
		pid = childOf(pid)
	}
	return pid != 0 && unix.Kill(pid, unix.SIGKILL) == nil
}

// nameOf is what a process calls itself, or "".
func nameOf(pid int) string {
	name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)) // it may have ended
	return strings.TrimSpace(string(name))
}

// childOf is a child of a process, or 0. See proc_tid_children(5).
func childOf(pid int) int {
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return 0
	}
	for _, list := range lists {
		data, err := os.ReadFile(list)
		if fields := strings.Fields(string(data)); err == nil && len(fields) > 0 {
			child, err := strconv.Atoi(fields[0])
			if err == nil {
				return child
			}
		}
	}
	return 0
}
