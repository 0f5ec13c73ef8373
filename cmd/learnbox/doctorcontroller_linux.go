package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/learnbox/learnbox/sandbox/cgroup"
)

// A controller is one of what doctor looks for, with its name in each version of the control
// groups; v2 is empty if it is part of every group there.
type controller struct{ v1, v2, purpose, without string }

// examineControllers asks for each controller in the version that limits are written to.
func examineControllers(h cgroup.Hierarchy) []checkup {
	const discarded = "limits that need it are discarded, with a warning"
	var all []checkup
	for _, c := range []controller{
		{"memory", "memory", "--memory and its like, and who was killed at the limit", discarded},
		{"cpu", "cpu", "--cpus, --cpu-shares", discarded},
		{"cpuset", "cpuset", "--cpuset-cpus, --cpuset-mems", discarded},
		{"pids", "pids", "--pids-limit", discarded},
		{"blkio", "io", "--blkio-weight, --device-read-bps", discarded},
		{"cpuacct", "", "how much processor time a container has used", "stats shows -- for CPU %"},
		{"freezer", "", "pause, and killing what forks as fast as it is killed", "pause does not work"},
	} {
		if h.Version == 1 || c.v2 != "" {
			all = append(all, c.examine(h))
		}
	}
	return all
}

func (c controller) examine(h cgroup.Hierarchy) checkup {
	name := c.v1
	if h.Version == 2 {
		name = c.v2
	}
	up := checkup{About: aboutCgroups, Name: name, Answer: found, For: c.purpose}
	if dir := h.Dir(name); dir != "" {
		up.Found = fmt.Sprintf("version %d, at %s", h.Version, dir)
		return up
	}
	up.Answer = missing
	up.Found, up.Do = c.whyMissing(h, readIfThere)
	return up
}

// whyMissing tells why the controller is in no tree, and the way out. A controller is at one
// place only: in a tree of version 1, or in the one of version 2, where the groups below the
// top have it if the one above hands it down, cgroups(7).
func (c controller) whyMissing(h cgroup.Hierarchy, read func(path string) string) (why, do string) {
	kernel := kernelControllerOf(read("/proc/cgroups"), c.v1)
	handed := strings.Fields(read(h.Unified + "/cgroup.subtree_control"))
	switch {
	case h.Version == 1 && h.Unified != "" && slices.Contains(handed, firstOf(c.v2, c.v1)):
		return c.without + "; it is used by version 2, at " + h.Unified, "boot with cgroup_no_v1=all: then version 2 has all of them"
	case kernel.tree == "":
		return c.without, "build the kernel with it: this one has none of that name"
	case kernel.off:
		return c.without, fmt.Sprintf("boot with cgroup_enable=%[1]s, or without cgroup_disable=%[1]s", c.v1)
	case h.Version == 1:
		names := strings.Join(kernel.together, ",")
		return c.without, fmt.Sprintf("mkdir -p /sys/fs/cgroup/%[1]s && mount -t cgroup -o %[1]s none /sys/fs/cgroup/%[1]s", names)
	case kernel.tree != "0":
		return c.without + "; it is bound to version 1, as hierarchy " + kernel.tree + " of /proc/cgroups",
			"remove the groups of its tree of version 1 and umount that everywhere, or boot with cgroup_no_v1=" + c.v1
	}
	return c.without + "; the group above does not hand it down", "write +" + c.v2 + " into cgroup.subtree_control of the group above, where that can be seen"
}

// A kernelController is a controller as /proc/cgroups has it.
type kernelController struct {
	tree     string   // the number of its tree of version 1, "0" for none; "" if the kernel does not have it
	together []string // the controllers in that tree: they can only be mounted together
	off      bool     // it was switched off at boot
}

// kernelControllerOf reads lines of four fields, behind a heading.
//
//	#subsys_name	hierarchy	num_cgroups	enabled
//	memory	4	65	1
func kernelControllerOf(text, name string) (k kernelController) {
	trees := map[string][]string{}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) != 4 {
			continue
		}
		trees[fields[1]] = append(trees[fields[1]], fields[0])
		if fields[0] == name {
			k.tree, k.off = fields[1], fields[3] == "0"
		}
	}
	if k.together = []string{name}; k.tree != "0" {
		k.together = trees[k.tree]
	}
	return k
}
