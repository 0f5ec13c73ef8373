package cgroup

import (
	"errors"
	"fmt"
	"os"
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
