// Package byhand is the chapter on doing without learnbox: the shell script that
// builds the same container with programs that every Debian has.
//
// Nothing that learnbox does needs learnbox. The kernel offers files to write in
// (cgroupfs, /proc/sys) and system calls, and util-linux, coreutils and iproute2
// have a small program for nearly each of those: unshare(1), mount(8),
// pivot_root(8), setpriv(1), ip(8). This package writes down which, step by step,
// for one config.json. Each step of the table in package sandbox has a function
// here, under the same id; [Lines] shows one step alone and [Script] all of them.
//
// The script is three shells. One stays outside: it makes the cgroup and cleans up.
// One is PID 1 of the container: it reads a plan, as learnbox-init does, moves into
// one namespace after the other and builds the file system. The third is what PID 1
// becomes at last: a shell that has given up its privileges, waits until the root is
// exchanged under its feet, and becomes the program.
//
// That last turn is the one place where the order is not learnbox's. The programs
// that a script is made of lie in the host's root; a script that pivots early has
// lost them. So everything is done below the new root's path first, and the pivot
// comes when PID 1 needs nothing any more but what it has in memory.
//
// Left out, and said at its place in the script: the seccomp filter, the sealed
// program, device rules of cgroup v2 (a BPF program), --init, and the resolution of
// an image's symbolic links inside its root. It is pure data: values in, text out.
package byhand

import (
	"maps"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/sandbox/spec"
)

// Input is the container that a script builds.
type Input struct {
	// Steps is the table, in its order; the script takes ids, titles and reasons from it.
	Steps   []narrate.Step
	Command string // the learnbox command line that it stands for, quoted for a shell

	ID          string // 64 hex digits
	Built       spec.Result
	EtcDir      string // the spec.Input.EtcDir of Built: mounts from there are the script's own files
	Lower       string // absolute: the flattened image
	Interactive bool   // -i

	CgroupVersion int    // 1 or 2
	CgroupCommon  string // see cgroup.Hierarchy
	Trees         []Tree // of the cgroup file system: one on version 2
}

// A Tree is one mount of a cgroup file system.
type Tree struct {
	Dir         string   // the mount point, absolute
	Controllers []string // on version 1; "name=systemd" is one, too
}

// has tells whether the container has a namespace of its own of that kind.
func (in *Input) has(kind specs.LinuxNamespaceType) bool {
	return slices.ContainsFunc(in.Built.Spec.Linux.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == kind })
}

// Lines returns the lines of each step, by its id: commands, and comments on what they cannot
// do. A step that this container does not need has none. Beside the values of the
// container they use variables of the script:
//
//	$group  the name of the cgroup, below each of its trees
//	$lower  the flattened image
//	$dir    a directory of the script's own
//	$root   where the new root is mounted, before it is "/"
//	$at     a path of the container below $root, checked by dir_at or file_at
//	$pid    PID 1 of the container, as the host numbers it
//
// Steps that end in the exec of a program put words in front of it, with set --.
func Lines(in Input) func(step string) []string {
	rows := shellSteps()
	return func(step string) []string {
		if r, ok := rows[step]; ok {
			return r.lines(&in)
		}
		return nil
	}
}

// Steps lists the ids of the steps that have their lines here, sorted.
func Steps() []string { return slices.Sorted(maps.Keys(shellSteps())) }

// A place is the shell that takes a step.
type place int

const (
	outside    place = iota // the one that was started
	entering                // PID 1, on its way into its namespaces
	inside                  // PID 1, in them
	pivoting                // the one outside, when PID 1 has done all of its steps
	beforeGo                // the one outside, after that
	atTheEnd                // the one outside, last
	partOfPlan              // the step that hands the plan over: it holds the steps of PID 1
	around                  // the one outside, before all steps or whatever happens; the script has them elsewhere
)

// A row is a step as a shell takes it.
type row struct {
	place place
	lines func(*Input) []string
}

// shellSteps has a row for each step of the table in package sandbox.
func shellSteps() map[string]row {
	return map[string]row{
		"container.create": {around, makeDirectory},
		"process.exit":     {around, cleanUp},

		"cgroup.create":  {outside, cgroupCreate},
		"init.clone":     {outside, initClone},
		"cgroup.limit":   {outside, cgroupLimit},
		"init.plan":      {partOfPlan, initPlan},
		"container.save": {outside, containerSave},
		"init.go":        {atTheEnd, initGo},

		"ns.uts":       {entering, unshare(specs.UTSNamespace, "--uts")},
		"ns.ipc":       {entering, unshare(specs.IPCNamespace, "--ipc")},
		"ns.net":       {entering, unshare(specs.NetworkNamespace, "--net")},
		"net.loopback": {entering, netLoopback},
		"ns.cgroup":    {entering, unshare(specs.CgroupNamespace, "--cgroup")},
		"ns.mount":     {entering, nsMount},

		"mount.private":   {inside, mountPrivate},
		"rootfs.overlay":  {inside, overlay},
		"rootfs.proc":     {inside, mounts("rootfs.proc")},
		"rootfs.dev":      {inside, dev},
		"rootfs.devpts":   {inside, mounts("rootfs.devpts")},
		"rootfs.sys":      {inside, mounts("rootfs.sys")},
		"rootfs.cgroup":   {inside, mountCgroup},
		"rootfs.mqueue":   {inside, mounts("rootfs.mqueue")},
		"rootfs.shm":      {inside, mounts("rootfs.shm")},
		"rootfs.volumes":  {inside, mounts("rootfs.volumes")},
		"rootfs.etc":      {inside, etc},
		"tty.open":        {inside, ttyOpen},
		"rootfs.pivot":    {pivoting, pivot},
		"host.sysctl":     {inside, sysctls},
		"rootfs.mask":     {inside, mask},
		"process.cwd":     {inside, cwd},
		"rootfs.readonly": {inside, readOnly},

		"host.name":      {inside, hostName},
		"limits.rlimits": {inside, rlimits},
		"limits.oom":     {inside, limitsOOM},
		"tty.session":    {inside, ttySession},
		"init.wait":      {inside, initWait},
		"caps.bound":     {inside, capsBound},
		"user.set":       {inside, userSet},
		"privs.no_new":   {inside, noNewPrivs},
		"limits.pids":    {beforeGo, limitsPids},
		"seccomp.load":   {inside, seccompLoad},
		"caps.set":       {inside, capsSet},
		"process.exec":   {inside, processExec},
	}
}

// group is the name of the container's cgroup: config.json's path, without a slash.
func (in *Input) group() string { return strings.TrimPrefix(in.Built.Spec.Linux.CgroupsPath, "/") }
