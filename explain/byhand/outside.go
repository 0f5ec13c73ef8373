package byhand

import (
	"fmt"
	"path"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// This file holds the steps of the shell outside.

// groupDir is the container's cgroup in one tree, as a word of the script.
func (in *Input) groupDir(t Tree) string { return quote(t.Dir) + `/"$group"` }

func cgroupCreate(in *Input) []string {
	var lines []string
	common := path.Dir(in.group())+"/" == in.CgroupCommon
	for i, t := range in.Trees {
		above, group := quote(path.Join(t.Dir, path.Dir(in.group()))), in.groupDir(t)
		lines = append(lines, makeAbove(in, i)...)
		if common {
			lines = append(lines,
				"mkdir -p "+above,
				fmt.Sprintf("mkdir %s 2>/dev/null || { mkdir -p %s; mkdir %s; } # the last container takes the one above along, maybe just now", group, above, group))
			lines = append(lines, inheritCpuset(in, t, quote(t.Dir), above)...)
		} else {
			lines = append(lines, "mkdir "+group)
		}
		if i == 0 {
			lines = append(lines, "made=yes # from here on it is ours to remove")
		}
		lines = append(lines, inheritCpuset(in, t, above, group)...)
	}
	return lines
}

// initClone starts PID 1. Its number there is 1 because unshare forks after it
// unshared: a process that unshares a pid namespace is not in it, its children are.
func initClone(in *Input) []string {
	lines := comment("Two pipes with names to talk to PID 1: it says when it is ready, and hears when to go on. Each is " +
		"opened at both ends at first, so that no open waits. learnbox has a socket that closes by itself.")
	lines = append(lines,
		`mkfifo "$dir/ready" "$dir/go"`,
		`exec 3<>"$dir/go" 4<>"$dir/ready"`,
	)
	first := []string{"set -eu"}
	first = append(first, comment("A process moves by itself into the group, and its children are born there.")...)
	for _, t := range in.Trees {
		first = append(first, "echo 0 >"+in.groupDir(t)+"/cgroup.procs")
	}
	first = append(first,
		"read -r _ <&3 # until the plan is there",
	)
	first = append(first, comment("What whoever started this left open is not for the program (CVE-2024-21626). A POSIX shell can only close "+
		"descriptors that have one digit; bash can close the others.")...)
	first = append(first,
		`if command -v bash >"$dir/bash"; then`,
		`  exec bash -c 'for fd in /proc/self/fd/??*; do [ ! -L "$fd" ] || eval "exec ${fd##*/}>&-"; done; exec sh "$dir/plan"'`,
		"fi",
		`exec sh "$dir/plan"`,
	)
	lines = append(lines, hereDoc(`cat >"$dir/init"`, "INIT", first)...)
	lines = append(lines, comment("learnbox starts a sealed copy of its own program, and forbids to look into the process "+
		"(PR_SET_DUMPABLE). A shell can do neither, and needs it less: nothing of the image runs before the last "+
		"execve, and then no shell is left (CVE-2019-5736).")...)
	lines = append(lines, comment("With --pdeathsig and --kill-child nobody survives this shell, even if it is killed.")...)
	return append(lines, startInit(in)...)
}

// startInit is the command that does it, in the background: only then a shell takes
// a signal while it waits.
func startInit(in *Input) []string {
	words := "unshare --fork --kill-child"
	if in.has(specs.PIDNamespace) { // else it still forks: a process that leads no group can begin a session
		words += " --pid"
	}
	words += ` sh "$dir/init"`
	var lines []string
	stdin := "</dev/null"
	if in.Interactive {
		lines = append(lines, comment("A shell takes standard input away from what it starts in the background, so keep it as 6.")...)
		lines = append(lines, "exec 6<&0")
		stdin = "<&6 6<&-"
	}
	if in.Built.Spec.Process.Terminal {
		lines = append(lines, comment("script(1) makes a terminal, copies between it and yours, and gives it your window's size. It is "+
			"one of the host's devpts; learnbox opens one of the container's own.")...)
		words = "script --quiet --return --command 'exec " + words + "' /dev/null"
		lines = append(lines, "export SHELL=/bin/sh", "# shellcheck disable=SC2016 # it is for that shell to expand")
	}
	return append(lines,
		"setpriv --pdeathsig KILL "+words+" "+stdin+" &",
		"child=$!",
		`exec 5<"$dir/ready" 4>&- # now only PID 1 can write there, and its death ends the reading`,
	)
}

// cgroupLimit writes the device rules and the limits.
func cgroupLimit(in *Input) []string {
	return append(deviceLimit(in), limits(in, in.settings(false))...)
}

// deviceLimit writes the rules for version 1: one default, and exceptions.
func deviceLimit(in *Input) []string {
	res := in.Built.Spec.Linux.Resources
	if res == nil || len(res.Devices) == 0 {
		return nil
	}
	rules := res.Devices
	if last := rules[len(rules)-1]; allDevices(last) && last.Allow {
		return comment("All devices are allowed: that is so without rules.")
	}
	if in.CgroupVersion == 2 {
		return comment("On cgroup v2 this is a BPF program that is attached to the group. A shell cannot write one: " +
			"this container may open every device that it can make a node for. Take CAP_MKNOD away (--cap-drop MKNOD), " +
			"and it has only those in its /dev.")
	}
	for _, t := range in.Trees {
		if !slices.Contains(t.Controllers, "devices") {
			continue
		}
		var lines []string
		for _, r := range rules {
			file := "devices.deny"
			if r.Allow {
				file = "devices.allow"
			}
			for _, rule := range deviceRule(r) {
				lines = append(lines, fmt.Sprintf("echo %s >%s/%s", quote(rule), in.groupDir(t), file))
			}
		}
		return lines
	}
	return comment("The devices controller is not mounted: there are no rules.")
}

func allDevices(r specs.LinuxDeviceCgroup) bool {
	return (r.Type == "" || r.Type == "a") && r.Major == nil && r.Minor == nil && (r.Access == "" || r.Access == "rwm")
}

// deviceRule is a rule as the kernel reads it: "c 1:3 rwm". It takes "a" for all
// devices whatever numbers follow, so a rule for both types becomes two.
func deviceRule(r specs.LinuxDeviceCgroup) []string {
	if allDevices(r) {
		return []string{"a"}
	}
	number := func(n *int64) string {
		if n == nil || *n == -1 {
			return "*"
		}
		return fmt.Sprint(*n)
	}
	types := []string{r.Type}
	if r.Type == "" || r.Type == "a" {
		types = []string{"c", "b"}
	}
	access := r.Access
	if access == "" {
		access = "rwm"
	}
	var rules []string
	for _, t := range types {
		rules = append(rules, fmt.Sprintf("%s %s:%s %s", t, number(r.Major), number(r.Minor), access))
	}
	return rules
}

// initPlan hands PID 1 its steps.
func initPlan(in *Input) []string {
	return append(hereDoc(`cat >"$dir/plan"`, "PLAN", plan(in)), "echo plan >&3")
}

// plan is the script of PID 1: first into the namespaces, then all the rest.
func plan(in *Input) []string {
	lines := append([]string{"set -eu", ""}, comment("Each unshare enters one namespace and becomes the next of these words; "+
		"the last one is this plan again.")...)
	lines = append(lines, "if [ $# = 0 ]; then")
	lines = append(lines, steps(in, entering)...)
	lines = append(lines, "", `exec "$@" sh "$dir/plan" build`, "fi", "")
	lines = append(lines, helpers()...)
	return append(lines, steps(in, inside)...)
}

// helpers are the functions that look at a path before something is put there.
func helpers() []string {
	lines := comment("at PATH: finds a path of the container below the new root. learnbox has the kernel resolve the image's " +
		"symbolic links inside that root (openat2(2), RESOLVE_IN_ROOT) and refuses them for /proc, /sys and /dev. For a shell each " +
		"link would lead to the host's files (CVE-2023-27561), so it refuses them all.")
	return append(lines,
		"at() {",
		"  at=$root rest=${1#/}",
		`  while [ -n "$rest" ]; do`,
		"    at=$at/${rest%%/*}",
		`    case $rest in */*) rest=${rest#*/} ;; *) rest='' ;; esac`,
		`    [ ! -L "$at" ] || die "$1: ${at#"$root"} is a symbolic link in the image"`,
		"  done",
		"}",
		`dir_at() { at "$1" && mkdir -p "$at"; }`,
		`file_at() { at "$1" && mkdir -p "${at%/*}" && { [ -e "$at" ] || : >"$at"; }; }`,
		`die() { printf '%s\n' "$1" >&2; exit 125; }`,
	)
}

func containerSave(*Input) []string {
	return comment("Nothing to do: this container has no name, and nobody will look for it later.")
}

// initGo ends the waiting of PID 1, and then waits for its end.
func initGo(*Input) []string {
	lines := []string{
		"echo go >&3",
		"exec 3>&- 5<&-",
	}
	return append(lines,
		"status=0",
		`wait "$child" || status=$?`,
		"child=''",
		`exit "$status"`,
	)
}
