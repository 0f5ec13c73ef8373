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
	if err := freeze(on); err != nil {
		return fmt.Errorf("freeze cgroup %s: %w", g.Path, err)
	}
	return nil
}

func (g *Group) freezeV1(on bool) error {
	tree := g.h.Dir("freezer")
	if tree == "" {
		return errors.New("this machine has no freezer controller")
	}
	file, state := tree+"/"+g.Path+"/freezer.state", "THAWED"
	if on {
		state = "FROZEN"
	}
	return until(func() (bool, error) {
		// A process that is being born while the others freeze escapes; writing again
		// takes it in.
		if err := writeFile(file, state); err != nil {
			return false, err
		}
		now, err := readFile(file)
		return now == state, err
	})
}

func (g *Group) freezeV2(on bool) error {
	dir, value := g.Dirs()[0], "0"
	if on {
		value = "1"
	}
	if err := writeFile(dir+"/cgroup.freeze", value); err != nil {
		return err
	}
	return until(func() (bool, error) {
		events, err := readFile(dir + "/cgroup.events")
		return strings.Contains(events+"\n", "frozen "+value+"\n"), err
	})
}

// until asks again and again, as long as a group's patience lasts.
func until(done func() (bool, error)) error {
	for end := time.Now().Add(patience); ; <-time.After(time.Millisecond) {
		ok, err := done()
		switch {
		case err != nil:
			return err
		case ok:
			return nil
		case time.Now().After(end):
			return unix.EBUSY
		}
	}
}
