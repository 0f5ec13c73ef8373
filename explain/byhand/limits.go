package byhand

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/learnbox/learnbox/sandbox/cgroup"
)

// This file holds the limits of the control group: which files learnbox writes
// them into is data of package cgroup, and a shell writes the same.

// settings are the limits of the container that a step writes.
func (in *Input) settings(pids bool) []cgroup.Setting {
	all := cgroup.Hierarchy{Version: in.CgroupVersion}.Settings(in.Built.Spec.Linux.Resources)
	return slices.DeleteFunc(all, func(s cgroup.Setting) bool { return (s.Controller() == "pids") != pids })
}

// limits writes settings.
func limits(in *Input, all []cgroup.Setting) []string {
	var lines []string
	if in.CgroupVersion == 2 {
		lines = passOn(in, all)
	}
	for _, s := range all {
		lines = append(lines, in.write(s)...)
	}
	return lines
}

// write writes one setting.
func (in *Input) write(s cgroup.Setting) []string {
	tree := in.tree(s.Controller())
	if tree == nil {
		return comment(s.File + " = " + s.Value + ": the controller " + s.Controller() + " is not on this machine, so nothing enforces that.")
	}
	write := func(s cgroup.Setting) string { return echo(s.Value) + " >" + in.groupDir(*tree) + "/" + s.File }
	line := write(s)
	switch {
	case s.Else != nil:
		line = "if [ -e " + in.groupDir(*tree) + "/" + s.File + " ]; then " + line + "; else " + write(*s.Else) + "; fi"
	case mayLack(s.File):
		line += " || echo " + quote("warning: nothing enforces "+s.File) + " >&2"
	}
	return []string{line}
}

// mayLack tells which files a kernel with the controller may yet not have.
func mayLack(file string) bool {
	switch file {
	case "memory.memsw.limit_in_bytes", "memory.swap.max", "memory.oom_control":
		return true
	}
	return false
}

// passOn gives the group its controllers on version 2.
func passOn(in *Input, all []cgroup.Setting) []string {
	var lines, controllers []string
	for _, s := range all {
		if c := s.Controller(); in.tree(c) != nil && !slices.Contains(controllers, c) {
			controllers = append(controllers, c)
		}
	}
	if len(controllers) == 0 {
		return nil
	}
	lines = comment("cgroups(7): a group has the controllers that each one above it passes on.")
	for _, dir := range append([]string{"."}, in.groupsAbove()...) {
		lines = append(lines, fmt.Sprintf("echo %s >%s/cgroup.subtree_control",
			quote("+"+strings.Join(controllers, " +")), quote(path.Join(in.Trees[0].Dir, dir))))
	}
	return lines
}

// tree is the tree with a controller, nil if the machine has none.
func (in *Input) tree(controller string) *Tree {
	i := slices.IndexFunc(in.Trees, func(t Tree) bool { return slices.Contains(t.Controllers, controller) })
	if i < 0 {
		return nil
	}
	return &in.Trees[i]
}

// groupsAbove are the groups between the mount point and the container's, with
// --cgroup-parent, from the top.
func (in *Input) groupsAbove() []string {
	var all []string
	for dir := path.Dir(in.group()); dir != "."; dir = path.Dir(dir) {
		all = append([]string{dir}, all...)
	}
	return all
}

// makeAbove makes the groups above in one tree that are not there, and notes
// their numbers; removeAbove removes those.
func makeAbove(in *Input, tree int) []string {
	t := in.Trees[tree]
	var lines []string
	for i, dir := range in.groupsAbove() {
		at := path.Join(t.Dir, dir)
		if dir+"/" == in.CgroupCommon {
			continue // it is made with the group
		}
		lines = append(lines,
			"if [ ! -d "+quote(at)+" ]; then",
			"  mkdir "+quote(at),
			fmt.Sprintf(`  above="$above %d.%d"`, tree, i))
		for _, line := range inheritCpuset(in, t, quote(path.Dir(at)), quote(at)) {
			lines = append(lines, "  "+line)
		}
		lines = append(lines, "fi")
	}
	return lines
}

func removeAbove(in *Input) []string {
	above := in.groupsAbove()
	var lines []string
	for tree, t := range in.Trees {
		for i, dir := range slices.Backward(above) {
			if dir+"/" == in.CgroupCommon { // goes with the last container, whoever made it
				lines = append(lines, "rmdir "+quote(path.Join(t.Dir, dir))+" 2>/dev/null")
				continue
			}
			lines = append(lines, fmt.Sprintf(`case "$above " in *' %d.%d '*) rmdir %s ;; esac`, tree, i, quote(path.Join(t.Dir, dir))))
		}
	}
	return lines
}

// inheritCpuset copies what a new group may use from the one above.
func inheritCpuset(in *Input, t Tree, from, to string) []string {
	if in.CgroupVersion != 1 || !slices.Contains(t.Controllers, "cpuset") {
		return nil
	}
	lines := comment("cpuset(7): a new group may use no processor and no memory, so nobody can enter it")
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		lines = append(lines, fmt.Sprintf("cat %s/%s >%s/%s", from, file, to, file))
	}
	return lines
}

// limitsPids stands outside, when PID 1 starts no program any more but the last.
func limitsPids(in *Input) []string { return limits(in, in.settings(true)) }

func limitsOOM(in *Input) []string {
	score := in.Built.Spec.Process.OOMScoreAdj
	if score == nil {
		return nil
	}
	return []string{fmt.Sprintf("echo %d >/proc/self/oom_score_adj || echo 'warning: oom_score_adj stays as it is' >&2", *score)}
}
