// Package cgroup puts the processes of a container into control groups, so that
// the kernel can count, limit, freeze and kill them together, cgroups(7).
//
// A control group is a directory in a file system of the kernel's: mkdir makes
// one, writing a PID into its cgroup.procs moves a process in, its children are
// born there, rmdir removes it once nobody is left. There are two versions, and
// machines with both:
//
//   - Version 1 has a tree of directories for each controller (cpu, memory,
//     devices, …) or for a few of them together, so a container is one directory
//     in each tree. v1_linux.go.
//   - Version 2 has one tree for all controllers. v2_linux.go.
//   - A hybrid machine has the trees of version 1, and a tree of version 2 with
//     no controllers in it. It is treated as version 1.
//
// Which one it is, [Detect] reads from the mount table: the trees may be mounted
// anywhere, and the kernel's version says nothing.
//
// Groups are made right below the mount point of each tree, on version 2 in a common
// group there, or in a group of the user's choice. On a machine with systemd that
// is beside its slices: systemd leaves groups alone that it did not make itself. But on
// version 2 it takes controllers away from all groups right below the top.
//
// A limit is a number in a file of the group. Which files there are, and what
// the numbers mean, differs between the versions: settings_v1.go and
// settings_v2.go can be read side by side.
//
// What a container may do with devices stands here too, because the kernel
// decides it by group: in version 1 by the devices controller, in version 2 by a
// small program (devices.go, program.go).
//
// What a group uses is read from other files of it (stats_v1_linux.go and
// stats_v2_linux.go, to be read side by side), and how often a limit brought
// something about, which one can wait for, too (watch_linux.go).
//
// Left out: the threaded mode of version 2; groups for users who are not root.
package cgroup

import (
	"bufio"
	"io"
	"slices"
	"strconv"
	"strings"
)

// A Hierarchy says how the control groups of this machine are laid out.
type Hierarchy struct {
	Version int    // 1 or 2
	Trees   []Tree // version 1: one for each mount; version 2: one

	// Common is the group above those of all containers, "learnbox/", or "". It costs a
	// millisecond on version 1, where it is made and removed in each of nine trees with every
	// container that runs alone: so there it is only where systemd runs.
	Common string

	// Unified is where version 2 is mounted without controllers on a hybrid
	// machine, else empty.
	Unified string
}

// common is the group above those of all containers, if the user names none, on version 2 and
// where systemd runs. On version 2 systemd owns the top group and takes the controllers back
// that its own units do not need, and all limits with them; but the kernel lets nobody take
// what a group below passes on. On version 1 it marks what is learnbox's, beside systemd's slices.
const common = "learnbox"

// PathOf is the path of a container's group if the user names no group above it.
func (h Hierarchy) PathOf(id string) string { return h.Common + "learnbox-" + id }

// PathsOf are the paths at which that group may be, if it was made by a learnbox that saw
// systemd or one that did not: in another mount namespace, or before an update.
func (h Hierarchy) PathsOf(id string) []string {
	return []string{h.PathOf(id), Hierarchy{}.PathOf(id), Hierarchy{Common: common + "/"}.PathOf(id)}
}

// A Tree is one mount of a cgroup file system.
type Tree struct {
	Dir         string   // the mount point, absolute
	Controllers []string // "cpu", "cpuacct"; in version 1 also "name=systemd"

	root string // the group that stands at Dir: "/" but inside a container
}

// Dir is the mount point of the tree with the controller, empty if it has none.
func (h Hierarchy) Dir(controller string) string {
	for _, t := range h.Trees {
		if slices.Contains(t.Controllers, controller) {
			return t.Dir
		}
	}
	return ""
}

// Missing lists the controllers that limits and statistics need and this
// machine does not have.
func (h Hierarchy) Missing() []string {
	needed := []string{"cpu", "cpuset", "io", "memory", "pids"}
	if h.Version == 1 {
		needed = []string{"blkio", "cpu", "cpuacct", "cpuset", "devices", "freezer", "memory", "pids"}
	}
	return slices.DeleteFunc(needed, func(c string) bool { return h.Dir(c) != "" })
}

// parse finds the trees in /proc/self/mountinfo, proc_pid_mountinfo(5):
//
//	36 31 0:33 / /sys/fs/cgroup/devices rw,relatime shared:9 - cgroup cgroup rw,devices
//
// The fields behind the dash are the type, the source and the options of the
// file system; in version 1 the controllers are among those. A tree that is
// mounted twice counts once, where all of it shows.
func parse(mountinfo io.Reader) (Hierarchy, error) {
	var v1, v2 []Tree
	seen := map[string]int{} // by the device number, which each tree has one of
	lines := bufio.NewScanner(mountinfo)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		before, after, found := strings.Cut(lines.Text(), " - ")
		if !strings.HasPrefix(after, "cgroup") {
			continue // most of them, and every run reads them
		}
		fields, fs := strings.Fields(before), strings.Fields(after)
		if !found || len(fields) < 6 || len(fs) < 3 {
			continue
		}
		trees := &v2
		switch fs[0] {
		case "cgroup2":
		case "cgroup":
			trees = &v1
		default:
			continue
		}
		tree := Tree{Dir: unescape(fields[4]), root: unescape(fields[3])}
		if i, twice := seen[fields[2]]; twice {
			if first := &(*trees)[i]; tree.root == "/" && first.root != "/" { // that was a part of the tree only
				first.Dir, first.root = tree.Dir, tree.root
			}
			continue
		}
		if tree.Controllers = joined(fs[2]); trees == &v1 && len(tree.Controllers) == 0 {
			continue // a named tree of somebody's own
		}
		seen[fields[2]] = len(*trees)
		*trees = append(*trees, tree)
	}
	if err := lines.Err(); err != nil {
		return Hierarchy{}, err
	}
	return layout(v1, v2), nil
}

// layout decides on the version: it is 1 if a tree of version 1 has a
// controller. systemd's named tree alone does not count.
func layout(v1, v2 []Tree) Hierarchy {
	controlled := slices.ContainsFunc(v1, func(t Tree) bool { return !slices.Equal(t.Controllers, []string{systemd}) })
	switch {
	case controlled && len(v2) > 0:
		return Hierarchy{Version: 1, Trees: v1, Unified: v2[0].Dir}
	case controlled:
		return Hierarchy{Version: 1, Trees: v1}
	case len(v2) > 0:
		return Hierarchy{Version: 2, Trees: v2[:1]}
	}
	return Hierarchy{}
}

// systemd is the one named tree, without a controller, that containers join.
// With it systemd keeps track of services and sessions; a container that stayed
// in the group of the login it was started from would be killed at logout.
const systemd = "name=systemd"

// joined picks out of the options of a file system the controllers whose trees
// containers join.
func joined(options string) []string {
	var found []string
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "blkio", "cpu", "cpuacct", "cpuset", "devices", "freezer", "hugetlb", "memory", "misc",
			"net_cls", "net_prio", "perf_event", "pids", "rdma", systemd:
			found = append(found, option)
		}
	}
	return found
}

// unescape turns \040 and its like back into the characters that would break
// the format of a line.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+4 <= len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(c))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
