package cgroup

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// limitDevicesV1 writes the rules into the files of the devices controller.
func (g *Group) limitDevicesV1(rules []deviceRule) error {
	writes, err := deviceWrites(rules)
	if err != nil {
		return err
	}
	tree := g.h.Dir("devices")
	if tree == "" {
		return &noDevicesError{}
	}
	for _, w := range writes {
		if err := writeFile(tree+"/"+g.Path+"/"+w.file, w.line); err != nil {
			return err
		}
	}
	return nil
}

// noDevicesError says that rules for devices were asked for in vain.
type noDevicesError struct{}

func (*noDevicesError) Error() string { return "the devices controller of cgroup v1 is not mounted" }

// Hint is how to mount it.
func (*noDevicesError) Hint() string {
	return "mkdir /sys/fs/cgroup/devices && mount -t cgroup -o devices none /sys/fs/cgroup/devices; --privileged runs without rules"
}

// inheritCpuset gives a new group the processors and memory nodes of the group
// above. The kernel leaves both empty, and a group without them takes no
// process (ENOSPC), cpuset(7). Where the group above is still empty itself,
// another learnbox has just made it and not got further; it is helped.
func inheritCpuset(dir string) error {
	above := filepath.Dir(dir)
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		value, err := readFile(above + "/" + file)
		if err == nil && value == "" {
			if err = inheritCpuset(above); err == nil {
				value, err = readFile(above + "/" + file)
			}
		}
		if err != nil {
			return err
		}
		if err := writeFile(dir+"/"+file, value); err != nil {
			return err
		}
	}
	return nil
}

// killV1 freezes the group, kills all that is in it, and lets it thaw to die.
// Without the freezer a fork bomb makes new processes as fast as the old ones
// are killed; then only patience helps.
func (g *Group) killV1() error {
	freezer := g.h.Dir("freezer")
	if freezer != "" {
		freezer += "/" + g.Path
	}
	for end := time.Now().Add(patience); ; {
		pids, err := g.Procs()
		if err != nil || len(pids) == 0 {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("%d processes are still there after %v, %d among them", len(pids), patience, pids[0])
		}
		if freezer != "" {
			if err := freezeV1(freezer); err != nil {
				return err
			}
			if pids, err = g.Procs(); err != nil {
				return err
			}
		}
		err = killAll(pids)
		if freezer != "" {
			err = errors.Join(err, thawV1(freezer))
		}
		if err != nil {
			return err
		}
		await(pids)
	}
}

// freezeV1 asks for all processes to stop and waits a while for it. A process in
// an uninterruptible sleep does not stop; it does not fork either, so killing
// goes on without it.
func freezeV1(dir string) error {
	if err := setFreezer(dir, "FROZEN"); err != nil {
		return err
	}
	for range 100 {
		state, err := readFile(dir + "/freezer.state")
		if isGone(err) || state == "FROZEN" {
			return nil
		}
		if err != nil {
			return err
		}
		_, _ = unix.Poll(nil, 1)
	}
	return nil
}

// thawV1 lets a group go on, and those below it: a container that may write to
// its cgroups can have frozen one by itself, and what is frozen does not die.
func thawV1(dir string) error {
	if err := setFreezer(dir, "THAWED"); err != nil {
		return err
	}
	children, err := childrenOf(dir)
	for _, child := range children {
		err = errors.Join(err, thawV1(child))
	}
	return err
}

func setFreezer(dir, state string) error {
	err := writeFile(dir+"/freezer.state", state)
	if isGone(err) {
		return nil
	}
	return err
}
