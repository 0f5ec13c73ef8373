package sandbox

import (
	"slices"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func indexOf(t *testing.T, id string) int {
	t.Helper()
	i := slices.IndexFunc(initSteps(), func(s step[*guest]) bool { return s.ID == id })
	if i < 0 {
		t.Fatalf("there is no step %s", id)
	}
	return i
}

// TestOrderThatMatters holds the table to the reasons that it gives.
func TestOrderThatMatters(t *testing.T) {
	for _, c := range []struct{ before, after, why string }{
		{"ns.uts", "host.name", "or the machine is renamed"},
		{"ns.ipc", "rootfs.mqueue", "mqueue shows the ipc namespace of the mounter"},
		{"ns.net", "rootfs.sys", "sysfs shows the network namespace of the mounter"},
		{"ns.net", "host.sysctl", "or the machine's own parameters change"},
		{"ns.mount", "mount.private", "or the machine's propagation changes"},
		{"mount.private", "rootfs.overlay", "or the mounts reach the machine"},
		{"rootfs.devpts", "tty.open", "the terminal comes from the container's devpts"},
		{"rootfs.volumes", "rootfs.pivot", "sources are paths of the machine"},
		{"rootfs.pivot", "rootfs.mask", "and not the machine's /proc is masked"},
		{"host.sysctl", "rootfs.mask", "which makes /proc/sys read-only"},
		{"process.cwd", "rootfs.readonly", "it may have to be made"},
		{"caps.bound", "user.set", "CAP_SETPCAP"},
		{"limits.rlimits", "user.set", "CAP_SYS_RESOURCE"},
		{"limits.oom", "user.set", "CAP_SYS_RESOURCE"},
		{"user.set", "seccomp.load", "the filter need not allow setuid"},
		{"privs.no_new", "seccomp.load", "it then loads without CAP_SYS_ADMIN"},
		{"limits.pids", "seccomp.load", "the filter may forbid to ask for it"},
		{"seccomp.load", "caps.set", "loading needs CAP_SYS_ADMIN"},
		{"caps.set", "process.exec", "the program must not have more"},
	} {
		if indexOf(t, c.before) >= indexOf(t, c.after) {
			t.Errorf("%s stands behind %s: %s", c.before, c.after, c.why)
		}
	}
}

// TestParentsOrder is the same for the side of the parent.
func TestParentsOrder(t *testing.T) {
	index := func(id string) int {
		return slices.IndexFunc(startSteps(), func(s step[*Init]) bool { return s.ID == id })
	}
	for _, c := range []struct{ before, after, why string }{
		{"cgroup.limit", "init.plan", "or the init's mknod meets a group that allows nothing yet"},
		{"container.save", "init.go", "or a program runs that nobody knows of"},
	} {
		if i := index(c.before); i < 0 || i >= index(c.after) {
			t.Errorf("%s stands behind %s, or nowhere: %s", c.before, c.after, c.why)
		}
	}
}

func TestEveryStepHasItsTexts(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range Steps() {
		if s.ID == "" || s.Title == "" || s.Why == "" || seen[s.ID] {
			t.Errorf("step %+v lacks a text, or its id stands twice", s)
		}
		seen[s.ID] = true
	}
}

// TestNamespacesAreLeftOutWhenShared checks the column that says who needs a step.
func TestNamespacesAreLeftOutWhenShared(t *testing.T) {
	p := &plan{
		Process:    &specs.Process{},
		Unconfined: true,
		Namespaces: []specs.LinuxNamespace{{Type: specs.MountNamespace}, {Type: specs.UTSNamespace}},
	}
	for id, want := range map[string]bool{"ns.mount": true, "ns.uts": true, "ns.net": false, "net.loopback": false, "ns.ipc": false, "ns.cgroup": false, "tty.open": false, "seccomp.load": false, "rootfs.pivot": true} {
		s := initSteps()[indexOf(t, id)]
		if got := s.needed == nil || s.needed(p); got != want {
			t.Errorf("%s is needed: %v, want %v", id, got, want)
		}
	}
}
