package cgroup

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Freeze stops every process of the group and of groups below it where it is,
// or lets all go on, and returns when that has happened. A frozen process takes no
// signal but SIGKILL on version 2, and not even that on version 1, until it is
// thawed.
//
// Version 1 has a tree for it, Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst;
// version 2 a file in every group, cgroup-v2.rst, "cgroup.freeze".
func (g *Group) Freeze(on bool) error {
	freeze := g.freezeV1
	if g.h.Version == 2 {
		freeze = g.freezeV2
	}
	err := freeze(on)
	if !on && isGone(err) {
		return nil // with its last process, which on version 2 SIGKILL reaches all the same
	}
	if err != nil {
		return fmt.Errorf("freeze cgroup %s: %w", g.Path, err)
	}
	return nil
}

func (g *Group) freezeV1(on bool) error {
	tree := g.h.Dir("freezer")
	if tree == "" {
		return errors.New("this machine has no freezer controller")
	}
	dir := tree + "/" + g.Path
	if !on {
		return thawV1(dir)
	}
	if err := freezeV1(dir); err != nil {
		return err
	}
	if state, err := readFile(dir + "/freezer.state"); err != nil || state != "FROZEN" {
		return errors.Join(unix.EBUSY, err, thawV1(dir))
	}
	return nil
}

func (g *Group) freezeV2(on bool) error {
	dir, value := g.Dirs()[0], "0"
	if on {
		value = "1"
	}
	if err := writeFile(dir+"/cgroup.freeze", value); err != nil {
		return err
	}
	for end := time.Now().Add(patience); ; <-time.After(time.Millisecond) {
		events, err := readFile(dir + "/cgroup.events")
		switch {
		case err != nil:
			return err
		case strings.Contains(events+"\n", "frozen "+value+"\n"):
			return nil
		case time.Now().After(end):
			return unix.EBUSY
		}
	}
}
