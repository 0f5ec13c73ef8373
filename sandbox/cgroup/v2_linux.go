package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// limitDevicesV2 attaches the rules as a program to the group. No controller is
// needed for that: killing, freezing and the device rules are part of every
// group, while a group counts and limits only what the group above enables in
// its cgroup.subtree_control.
func (g *Group) limitDevicesV2(rules []deviceRule) error {
	f, err := os.Open(g.Dirs()[0])
	if err != nil {
		return err
	}
	defer f.Close()
	return filterDevices(f, rules)
}

// subtreeControl names the controllers that the groups below a group have.
const subtreeControl = "cgroup.subtree_control"

// handDown has a group pass on all that it was given itself, so that the groups below are
// counted as they would be in its place. What the kernel refuses is not counted;
// nothing else depends on it.
func handDown(dir string) {
	if text, err := readFile(dir + "/cgroup.controllers"); err == nil && text != "" {
		_ = writeFile(dir+"/"+subtreeControl, "+"+strings.ReplaceAll(text, " ", " +"))
	}
}

// enable gives the group the controllers of the settings: each group above, from
// the top, has to pass them on. They stay with the groups that were there
// before, where others may have come to rely on them.
func (g *Group) enable(all []Setting) error {
	top := g.h.Trees[0].Dir
	above := []string{top}
	for part := range strings.SplitSeq(filepath.Dir(g.Path), "/") {
		if part != "." {
			above = append(above, above[len(above)-1]+"/"+part)
		}
	}
	for _, dir := range above {
		text, err := readFile(dir + "/" + subtreeControl)
		if err != nil {
			return err
		}
		on := strings.Fields(text)
		for _, s := range all {
			if slices.Contains(on, s.Controller()) {
				continue
			}
			on = append(on, s.Controller())
			if err := writeFile(dir+"/"+subtreeControl, "+"+s.Controller()); err != nil {
				return &limitError{Setting{File: subtreeControl, Value: "+" + s.Controller()}, err}
			}
		}
	}
	return nil
}

// killV2 uses cgroup.kill, which Linux has since 5.14: one write, and nobody can
// fork his way out. Before, the group is frozen while it is killed.
func (g *Group) killV2() error {
	dir := g.Dirs()[0]
	for end := time.Now().Add(patience); ; {
		pids, err := g.Procs()
		if err != nil || len(pids) == 0 {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("%d processes are still there after %v, %d among them", len(pids), patience, pids[0])
		}
		err = writeFile(dir+"/cgroup.kill", "1")
		if errors.Is(err, unix.ENOENT) {
			err = g.killFrozen(dir)
		}
		if err != nil && !errors.Is(err, unix.ENODEV) {
			return err
		}
		await(pids)
	}
}

// killFrozen kills without cgroup.kill. In version 2 a frozen process dies of
// SIGKILL as any other does.
func (g *Group) killFrozen(dir string) error {
	if err := writeFile(dir+"/cgroup.freeze", "1"); err != nil {
		return err
	}
	pids, err := g.Procs()
	if err == nil {
		err = killAll(pids)
	}
	return errors.Join(err, writeFile(dir+"/cgroup.freeze", "0"))
}
