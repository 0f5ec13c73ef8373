package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/learnbox/learnbox/explain/evidence"
	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/narrate"
)

// MapCmd is "learnbox map".
type MapCmd struct {
	JSON      bool   `name:"json" help:"Print one JSON object."`
	Container string `arg:"" optional:"" placeholder:"CONTAINER" help:"Name or ID of one; all that run without it."`
}

// Help is printed below the flags.
func (MapCmd) Help() string {
	return `Shows which namespaces a container has of its own, which it shares with the
machine, and which processes are in it, under the numbers that they have on both
sides. Half-built containers at a breakpoint are shown too.

Examples:
  learnbox map
  learnbox map busy_kepler`
}

// A mapped is one container on the map.
type mapped struct {
	ID         string             `json:"id"`
	Name       string             `json:"name"`
	Image      string             `json:"image"`
	Pid        int                `json:"pid"`
	Namespaces map[string]string  `json:"namespaces"` // by kind: "uts:[4026532178]"
	Shared     []string           `json:"shared"`     // kinds that are the machine's
	Processes  []evidence.Process `json:"processes"`
}

type worldMap struct {
	Machine    map[string]string `json:"machine"`
	Containers []mapped          `json:"containers"`
}

// Run does the verb.
func (c *MapCmd) Run(a *app) error {
	m := worldMap{Machine: evidence.Namespaces("self")}
	all, err := c.containers(a)
	if err != nil {
		return err
	}
	for _, ct := range all {
		ct.Namespaces = evidence.Namespaces(fmt.Sprint(ct.Pid))
		for kind, id := range ct.Namespaces {
			if id == m.Machine[kind] {
				ct.Shared = append(ct.Shared, kind)
			}
		}
		slices.Sort(ct.Shared)
		ct.Processes = evidence.Processes("learnbox-" + ct.ID)
		m.Containers = append(m.Containers, ct)
	}
	if c.JSON {
		e := json.NewEncoder(a.stdout)
		e.SetIndent("", "    ")
		if err := e.Encode(m); err != nil {
			return fmt.Errorf("print JSON: %w", err)
		}
		return nil
	}
	m.print(a.stdout)
	return nil
}

// containers are the one that was asked for, or all that have a process.
func (c *MapCmd) containers(a *app) ([]mapped, error) {
	if c.Container != "" {
		p, err := a.placeOf(c.Container)
		return []mapped{{ID: p.Container, Name: p.Name, Image: p.Image, Pid: p.Pid}}, err
	}
	var all []mapped
	stopped, err := a.stoppedRuns()
	if err != nil {
		return nil, err
	}
	for _, s := range stopped {
		if s.Pid != 0 {
			all = append(all, mapped{ID: s.Container, Name: s.Name, Image: s.Image, Pid: s.Pid})
		}
	}
	running, err := a.runningContainers()
	for _, ct := range running {
		all = append(all, mapped{ID: ct.ID, Name: ct.Name, Image: ct.Image, Pid: ct.State.Pid})
	}
	return all, err
}

func (m worldMap) print(w io.Writer) {
	fmt.Fprintln(w, "the machine")
	for _, kind := range evidence.Kinds() {
		fmt.Fprintf(w, "  %-7s %s\n", kind, m.Machine[kind])
	}
	if len(m.Containers) == 0 {
		fmt.Fprintln(w, "\nno container runs")
	}
	for _, ct := range m.Containers {
		fmt.Fprintf(w, "\n%s (%s), image %s\n", ct.Name, lifecycle.Short(ct.ID), narrate.Plain(ct.Image))
		for _, kind := range evidence.Kinds() {
			whose := "its own"
			if slices.Contains(ct.Shared, kind) {
				whose = "shared with the machine"
			}
			fmt.Fprintf(w, "  %-7s %-20s %s\n", kind, ct.Namespaces[kind], whose)
		}
		fmt.Fprintln(w, "  processes, by their number on the machine and inside")
		printTree(w, ct.Processes, 0, 0)
	}
}

// printTree prints the children of a process; those whose parent is outside
// the container are at the root.
func printTree(w io.Writer, all []evidence.Process, parent, depth int) {
	inside := func(pid int) bool {
		return slices.ContainsFunc(all, func(p evidence.Process) bool { return p.Pid == pid })
	}
	for _, p := range all {
		if p.Parent == parent || parent == 0 && !inside(p.Parent) {
			fmt.Fprintf(w, "    %s%d, inside %d: %s\n", strings.Repeat("  ", depth), p.Pid, p.Inside, narrate.Plain(p.Name))
			printTree(w, all, p.Pid, depth+1)
		}
	}
}
