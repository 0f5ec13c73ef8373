package sandbox

import (
	"fmt"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/sandbox/cgroup"
)

// An Outlined is a step as one container would take it.
type Outlined struct {
	narrate.Step
	Needed bool
	Args   func() []string // what it works on: a line each
	Flag   string          // of `learnbox run`, that decides about the step; empty if none does
	Adds   bool            // the flag adds the step; otherwise it takes it away
	Mounts []string        // the container's paths on which it mounts what config.json lists
}

// Outline tells which steps Clone and Start would take for a container, and
// does nothing. group is the path of its control group.
func Outline(c Config, o CloneOptions) ([]Outlined, error) {
	h, err := cgroup.Detect()
	if err != nil {
		return nil, err
	}
	group, err := cgroup.Open(h, o.Cgroup)
	if err != nil {
		return nil, err
	}
	p := (&Init{CloneOptions: o, Config: c, group: group}).plan()
	var all []Outlined
	add := func(s narrate.Step, needed func(*plan) bool) {
		out := Outlined{Step: s, Needed: needed == nil || needed(p)}
		out.Flag, out.Adds = flagOf(s.ID, h.Version)
		for _, m := range p.mountsOf(s.ID) {
			out.Mounts = append(out.Mounts, m.Destination)
		}
		out.Args = func() []string { return arguments(s.ID, p, o) }
		if s.ID == "cgroup.limit" || s.ID == "limits.pids" {
			out.Args = func() []string { return limits(h, c.Spec.Linux.Resources, s.ID) }
		}
		all = append(all, out)
	}
	for _, s := range append(cloneSteps(), startSteps()...) {
		add(s.Step, s.needed)
	}
	for _, s := range initSteps() {
		add(s.Step, s.needed)
	}
	return all, nil
}

// flagOf is the flag that decides whether a step is taken, and whether it adds
// the step or takes it away.
func flagOf(step string, cgroups int) (flag string, adds bool) {
	switch step {
	case "ns.cgroup":
		if cgroups == 1 {
			return "--cgroupns private", true
		}
		return "--cgroupns host", false
	case "ns.uts", "host.name":
		return "--uts host", false
	case "ns.ipc":
		return "--ipc host", false
	case "ns.net", "net.loopback":
		return "--network host", false
	case "rootfs.mask":
		return "--privileged", false
	case "seccomp.load":
		return "--security-opt seccomp=unconfined, --privileged", false
	case "rootfs.volumes":
		return "-v, --mount, --tmpfs", true
	case "tty.open":
		return "-t", true
	case "rootfs.readonly":
		return "--read-only", true
	case "limits.rlimits":
		return "--ulimit", true
	case "limits.oom":
		return "--oom-score-adj", true
	case "limits.pids":
		return "--pids-limit", true
	case "privs.no_new":
		return "--security-opt no-new-privileges", true
	}
	return "", false
}

// arguments are what a step works on.
func arguments(step string, p *plan, o CloneOptions) []string {
	switch step {
	case "cgroup.create":
		return []string{o.Cgroup}
	case "init.clone":
		if o.HostPIDs {
			return []string{"in the machine's pid namespace (--pid host)"}
		}
		return []string{"CLONE_NEWPID"}
	case "rootfs.overlay":
		return []string{"image " + p.Overlay.Lower, "writable " + p.Overlay.Upper, "on " + p.Merged}
	case "rootfs.cgroup":
		return []string{"/sys/fs/cgroup"}
	case "rootfs.mask":
		return []string{"hidden: " + strings.Join(p.MaskedPaths, " "), "read-only: " + strings.Join(p.ReadonlyPaths, " ")}
	case "host.name":
		return []string{p.Hostname}
	case "host.sysctl":
		return sortedPairs(p.Sysctl)
	}
	if all := p.mountsOf(step); len(all) > 0 {
		return describe(all, step == "rootfs.dev", p.Devices)
	}
	return processArguments(step, p)
}

func processArguments(step string, p *plan) []string {
	proc := p.Process
	switch step {
	case "limits.rlimits":
		var all []string
		for _, l := range proc.Rlimits {
			all = append(all, fmt.Sprintf("%s %d:%d", l.Type, l.Soft, l.Hard))
		}
		return all
	case "limits.oom":
		return []string{fmt.Sprint(*proc.OOMScoreAdj)}
	case "user.set":
		return []string{fmt.Sprintf("uid %d, gid %d, groups %v", proc.User.UID, proc.User.GID, proc.User.AdditionalGids)}
	case "caps.bound", "caps.set":
		if proc.Capabilities == nil {
			return []string{"none"}
		}
		return []string{strings.Join(proc.Capabilities.Bounding, " ")}
	case "process.cwd":
		return []string{proc.Cwd}
	case "process.exec":
		return []string{fmt.Sprintf("%q", proc.Args)}
	}
	return nil
}

func describe(mounts []specs.Mount, dev bool, devices []specs.LinuxDevice) []string {
	var all []string
	for _, m := range mounts {
		all = append(all, fmt.Sprintf("%s on %s (%s)", m.Source, m.Destination, strings.Join(m.Options, ",")))
	}
	if dev && len(devices) > 0 {
		var names []string
		for _, d := range devices {
			names = append(names, d.Path)
		}
		all = append(all, "also "+strings.Join(names, " "))
	}
	return all
}

// limits are what a step writes into which file of the group, and its rules.
func limits(h cgroup.Hierarchy, r *specs.LinuxResources, step string) []string {
	var all []string
	if step == "cgroup.limit" {
		all = deviceRules(r)
	}
	for _, s := range h.Settings(r) {
		if (s.Controller() == "pids") == (step == "limits.pids") {
			all = append(all, s.File+" = "+s.Value)
		}
	}
	return all
}

func deviceRules(r *specs.LinuxResources) []string {
	if r == nil {
		return nil
	}
	var all []string
	for _, d := range r.Devices {
		verb := "deny"
		if d.Allow {
			verb = "allow"
		}
		all = append(all, fmt.Sprintf("%s %s %s:%s %s", verb, d.Type, deviceNumber(d.Major), deviceNumber(d.Minor), d.Access))
	}
	return all
}

// deviceNumber is a device's number in a rule, where none means all.
func deviceNumber(n *int64) string {
	if n == nil {
		return "*"
	}
	return fmt.Sprint(*n)
}

func sortedPairs(m map[string]string) []string {
	var all []string
	for k, v := range m {
		all = append(all, k+" = "+v)
	}
	slices.Sort(all)
	return all
}
