package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/narrate"
)

// killEnv names who kills whom in learnbox-told: "parent@STEP" or "init@STEP".
const killEnv = "LEARNBOX_TEST_KILL"

// told is learnbox with somebody who listens to its steps, and who may act on
// one of the parent's own.
func told() {
	who, at, _ := strings.Cut(os.Getenv(killEnv), "@")
	os.Exit(runTold(os.Args, os.Stdin, os.Stdout, os.Stderr, func(e narrate.Event) {
		if e.Step.ID != at || e.Phase != narrate.Begin {
			return
		}
		switch who {
		case "parent":
			_ = unix.Kill(os.Getpid(), unix.SIGKILL)
		case "init":
			go func() { // as soon as there is one
				for {
					if pid := childOf(os.Getpid()); pid != 0 {
						_ = unix.Kill(pid, unix.SIGKILL)
						return
					}
				}
			}()
		}
	}))
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
