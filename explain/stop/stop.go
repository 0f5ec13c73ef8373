// Package stop lets a run stand still at a step until somebody says go.
//
// The run that is to stop opens a gate: a socket of its own below the run
// root, named after its process, which only root may open. Any other command
// of learnbox, in the same shell or another, finds the gates there, asks one
// where its run stands, and opens it for a step or for good. The protocol is
// one line of JSON each way. While it waits, nobody spends any time.
//
// The gate belongs to the process: when that is killed, the socket's file is
// left, and who next looks for gates removes it.
//
// What it leaves out: who stands there, a half-built container, is the
// business of its builder; and nothing here reads what the container looks
// like. That is evidence, and whoever asks can read it himself.
package stop

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A Point names where to stop.
type Point struct {
	Step  string
	After bool // when it has been taken, not before
}

// String is "before ns.uts" or "after ns.uts".
func (p Point) String() string {
	if p.After {
		return "after " + p.Step
	}
	return "before " + p.Step
}

// Points are the breakpoints of a run.
type Points struct {
	all   []Point
	every bool // before every step, whatever all says
}

// An UnknownStepError reports a breakpoint on no step.
type UnknownStepError struct{ Pattern string }

func (e *UnknownStepError) Error() string { return fmt.Sprintf("there is no step %q", e.Pattern) }

// Parse makes points of patterns such as "ns.uts" and "rootfs.*", which must
// fit one of steps each. A step that is named twice is stopped at once.
//
// Errors: *UnknownStepError.
func Parse(before, after, steps []string) (Points, error) {
	var p Points
	for _, patterns := range []struct {
		list  []string
		after bool
	}{{before, false}, {after, true}} {
		for _, pattern := range patterns.list {
			found := false
			for _, step := range steps {
				if ok, err := path.Match(pattern, step); ok && err == nil {
					p.all, found = append(p.all, Point{step, patterns.after}), true
				}
			}
			if !found {
				return Points{}, &UnknownStepError{pattern}
			}
		}
	}
	return p, nil
}

// Every stops before every step from now on, or no longer.
func (p *Points) Every(on bool) { p.every = on }

// At reports whether to stop at a point.
func (p *Points) At(at Point) bool {
	return p.every && !at.After || slices.Contains(p.all, at)
}

// Any reports whether there is anything to stop at.
func (p *Points) Any() bool { return p.every || len(p.all) > 0 }

// Steps are the steps that have a breakpoint.
func (p *Points) Steps() []string {
	var steps []string
	for _, at := range p.all {
		steps = append(steps, at.Step)
	}
	return steps
}

// A Place is where a run stands, for everybody who asks.
type Place struct {
	Process   int      `json:"process"`             // the learnbox that builds the container
	Container string   `json:"container,omitempty"` // its ID, as soon as it has one
	Name      string   `json:"name,omitempty"`
	Image     string   `json:"image"`
	Pid       int      `json:"pid,omitempty"`     // of the container's first process, as soon as there is one
	Monitor   int      `json:"monitor,omitempty"` // of the process that watches over a container in the background
	At        Point    `json:"at"`
	Done      []string `json:"done"`          // steps taken so far, in order
	Next      []string `json:"next"`          // steps to come, the one stopped at first unless it is done
	Planned   bool     `json:"planned"`       // Next are those that this run takes; else all that a run may take
	Dir       string   `json:"dir,omitempty"` // of the container, without symbolic links
	Rootfs    string   `json:"rootfs,omitempty"`
	Groups    []string `json:"groups,omitempty"`
	Sysctls   []string `json:"sysctls,omitempty"`
	Limits    []string `json:"limits,omitempty"`  // names of the files of the group that the run sets
	Volumes   []string `json:"volumes,omitempty"` // where in the container they are, absolute
}

// Merged is where the container's root is in the mount table of its first process: the directory
// where the overlay is mounted, and "", to stand before a path, as soon as that is "/".
func (p Place) Merged() string {
	if slices.Contains(p.Done, "rootfs.pivot") {
		return ""
	}
	return filepath.Join(p.Dir, "merged")
}

// Is reports whether a user's word means the run: the container's name, its ID
// or the beginning of one, or the PID of either process.
func (p Place) Is(word string) bool {
	return word == p.Name && word != "" || word == fmt.Sprint(p.Process) || p.Pid != 0 && word == fmt.Sprint(p.Pid) ||
		word != "" && strings.HasPrefix(p.Container, word)
}
