package sandbox

import (
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/narrate"
)

// A step is one row of the table: what it is called, whether this container
// needs it, and what it does to T, the side that takes it.
type step[T any] struct {
	narrate.Step
	needed func(*plan) bool // nil: always
	do     func(T) error
}

// cloneSteps are taken by learnbox itself and end with a process that waits.
func cloneSteps() []step[*Init] {
	return []step[*Init]{
		{narrate.Step{ID: "cgroup.create", Title: "A control group", Why: "first, so that the container is born in it and can be found and killed as a whole"}, nil, (*Init).createCgroup},
		{narrate.Step{ID: "init.clone", Title: "PID 1 of a new pid namespace", Why: "only a newborn process can be in a new pid namespace; it waits for its plan"}, nil, (*Init).clone},
	}
}

// startSteps are taken by learnbox beside the init, which waits for the last of
// them at init.wait.
func startSteps() []step[*Init] {
	return []step[*Init]{
		{narrate.Step{ID: "init.plan", Title: "The init hears what to build", Why: "first, because both work side by side from here on"}, nil, (*Init).sendPlan},
		{narrate.Step{ID: "cgroup.limit", Title: "Which devices it may use", Why: "only the program is limited, not the init, which makes the devices"}, nil, (*Init).limitCgroup},
		{narrate.Step{ID: "container.save", Title: "Its files on disk", Why: "before the program runs, so that none runs that nobody knows of"}, nil, (*Init).save},
		{narrate.Step{ID: "init.go", Title: "The word to go on", Why: "when the parent has done all that must stand before the program"}, nil, (*Init).release},
	}
}

// initSteps are taken by the init, from inside, in the order of the table.
func initSteps() []step[*guest] {
	return []step[*guest]{
		// The namespaces: one unshare each, so that each can be seen on its own.
		{narrate.Step{ID: "ns.uts", Title: "A hostname of its own", Why: "so that host.name below cannot rename the machine"}, has(specs.UTSNamespace), unshare(specs.UTSNamespace)},
		{narrate.Step{ID: "ns.ipc", Title: "Message queues and shared memory of its own", Why: "before /dev/mqueue and the sysctls, which show those of the namespace"}, has(specs.IPCNamespace), unshare(specs.IPCNamespace)},
		{narrate.Step{ID: "ns.net", Title: "A network of its own", Why: "before /sys, which shows the network of whoever mounts it"}, has(specs.NetworkNamespace), unshare(specs.NetworkNamespace)},
		{narrate.Step{ID: "net.loopback", Title: "127.0.0.1 answers", Why: "a new network namespace has a loopback interface, but it is down"}, has(specs.NetworkNamespace), (*guest).upLoopback},
		{narrate.Step{ID: "ns.cgroup", Title: "A view of the control groups of its own", Why: "after the init entered its group: where it is now becomes the root that it sees"}, has(specs.CgroupNamespace), unshare(specs.CgroupNamespace)},
		{narrate.Step{ID: "ns.mount", Title: "A mount table of its own", Why: "a copy of the host's; all that follows changes the copy"}, has(specs.MountNamespace), unshare(specs.MountNamespace)},

		// The file system, built beside the host's and then swapped for it.
		{narrate.Step{ID: "mount.private", Title: "No mount travels to the host", Why: "the copies are still tied to the originals; cut that before the first mount, and before pivot_root, which refuses shared ones"}, nil, (*guest).cutPropagation},
		{narrate.Step{ID: "rootfs.overlay", Title: "A writable layer over the image", Why: "everything else is mounted inside it, and pivot_root needs a mount point"}, nil, (*guest).mountOverlay},
		{narrate.Step{ID: "rootfs.proc", Title: "/proc", Why: "shows the pid namespace of the one who mounts it, so PID 1 itself does"}, mounts("rootfs.proc"), mount("rootfs.proc")},
		{narrate.Step{ID: "rootfs.dev", Title: "/dev with a few harmless devices", Why: "an empty tmpfs, so that nothing the image put there counts"}, mounts("rootfs.dev"), (*guest).mountDev},
		{narrate.Step{ID: "rootfs.devpts", Title: "Terminals of its own", Why: "inside the new /dev"}, mounts("rootfs.devpts"), mount("rootfs.devpts")},
		{narrate.Step{ID: "rootfs.sys", Title: "/sys", Why: "after ns.net, whose interfaces it lists"}, mounts("rootfs.sys"), mount("rootfs.sys")},
		{narrate.Step{ID: "rootfs.cgroup", Title: "Its own control group, to read", Why: "inside the new /sys; read-only, or release_agent would be a way out (CVE-2022-0492)"}, mounts("rootfs.cgroup"), (*guest).mountCgroup},
		{narrate.Step{ID: "rootfs.mqueue", Title: "/dev/mqueue", Why: "inside the new /dev, after ns.ipc"}, mounts("rootfs.mqueue"), mount("rootfs.mqueue")},
		{narrate.Step{ID: "rootfs.shm", Title: "/dev/shm", Why: "inside the new /dev"}, mounts("rootfs.shm"), mount("rootfs.shm")},
		{narrate.Step{ID: "rootfs.volumes", Title: "Volumes", Why: "while the host's directories can still be reached"}, mounts("rootfs.volumes"), mount("rootfs.volumes")},
		{narrate.Step{ID: "rootfs.etc", Title: "hosts, hostname and resolv.conf", Why: "they depend on this run, so they cover what the image or a volume at /etc has"}, mounts("rootfs.etc"), mount("rootfs.etc")},
		{narrate.Step{ID: "tty.open", Title: "A terminal", Why: "from the container's own devpts, so that the program finds its name there"}, terminal, (*guest).openTerminal},
		{narrate.Step{ID: "rootfs.pivot", Title: "The new root, and the old one gone", Why: "when everything that needs the host's files is done"}, nil, (*guest).pivot},
		{narrate.Step{ID: "host.sysctl", Title: "Kernel parameters of its namespaces", Why: "before /proc/sys becomes read-only"}, func(p *plan) bool { return len(p.Sysctl) > 0 }, (*guest).writeSysctls},
		{narrate.Step{ID: "rootfs.mask", Title: "Hidden and read-only paths", Why: "places in /proc and /sys that belong to no namespace and would show or change the host"}, masks, (*guest).mask},
		{narrate.Step{ID: "process.cwd", Title: "The working directory", Why: "made if missing, so while root is still writable and privileged"}, nil, (*guest).enterWorkdir},
		{narrate.Step{ID: "rootfs.readonly", Title: "A root file system that cannot be written", Why: "after the last directory was made in it"}, func(p *plan) bool { return p.ReadOnly }, (*guest).setReadOnly},

		// The process: who it is and what it may do, the irreversible last.
		{narrate.Step{ID: "host.name", Title: "The hostname", Why: "it lies in the new uts namespace; needs CAP_SYS_ADMIN, so before the capabilities go"}, func(p *plan) bool { return p.Hostname != "" }, (*guest).setHostname},
		{narrate.Step{ID: "limits.rlimits", Title: "Resource limits of the process", Why: "raising one needs CAP_SYS_RESOURCE, so before the capabilities go"}, func(p *plan) bool { return len(p.Process.Rlimits) > 0 }, (*guest).setRlimits},
		{narrate.Step{ID: "tty.session", Title: "A session of its own", Why: "and with it the controlling terminal, if there is one: Ctrl-C and job control work only then"}, nil, (*guest).newSession},
		{narrate.Step{ID: "init.wait", Title: "Until the parent says go", Why: "its limits must hold and its files must be written before the program runs"}, nil, (*guest).wait},
		{narrate.Step{ID: "caps.bound", Title: "An upper bound for capabilities", Why: "the bounding set holds for set-uid programs too; shrinking it needs CAP_SETPCAP"}, nil, (*guest).boundCaps},
		{narrate.Step{ID: "user.set", Title: "The user and its groups", Why: "changing them needs CAP_SETUID and CAP_SETGID, so before the capabilities go"}, nil, (*guest).setUser},
		{narrate.Step{ID: "privs.no_new", Title: "No new privileges", Why: "from here on no execve gains anything, set-uid or not"}, func(p *plan) bool { return p.Process.NoNewPrivileges }, (*guest).noNewPrivs},
		{narrate.Step{ID: "seccomp.load", Title: "A filter for system calls", Why: "needs CAP_SYS_ADMIN unless no_new_privs is on, so before the capabilities go"}, func(p *plan) bool { return len(p.filter.Program) > 0 }, (*guest).loadFilter},
		{narrate.Step{ID: "caps.set", Title: "Only the capabilities it was given", Why: "last, because most steps above need one that is not among them"}, nil, (*guest).setCaps},
		{narrate.Step{ID: "process.exec", Title: "The program", Why: "the init becomes it; PID 1 stays PID 1"}, nil, (*guest).exec},
	}
}

// Steps lists every step of a run in order, for documentation and checks.
func Steps() []narrate.Step {
	var all []narrate.Step
	for _, s := range append(cloneSteps(), startSteps()...) {
		all = append(all, s.Step)
	}
	for _, s := range initSteps() {
		all = append(all, s.Step)
	}
	return all
}

func has(kind specs.LinuxNamespaceType) func(*plan) bool {
	return func(p *plan) bool { return hasNamespace(p.Namespaces, kind) }
}

func hasNamespace(all []specs.LinuxNamespace, kind specs.LinuxNamespaceType) bool {
	return slices.ContainsFunc(all, func(n specs.LinuxNamespace) bool { return n.Type == kind })
}

func mounts(step string) func(*plan) bool {
	return func(p *plan) bool { return len(p.mountsOf(step)) > 0 }
}

// mountsOf returns the mounts of config.json that one step makes, in their order.
func (p *plan) mountsOf(step string) []specs.Mount {
	var of []specs.Mount
	for _, m := range p.Mounts {
		if stepOf(m.Destination) == step {
			of = append(of, m)
		}
	}
	return of
}

// stepOf names the step that mounts on a path: the standard places have one
// each, whatever is mounted there; all others are volumes.
func stepOf(destination string) string {
	switch destination {
	case "/proc":
		return "rootfs.proc"
	case "/dev":
		return "rootfs.dev"
	case "/dev/pts":
		return "rootfs.devpts"
	case "/dev/shm":
		return "rootfs.shm"
	case "/dev/mqueue":
		return "rootfs.mqueue"
	case "/sys":
		return "rootfs.sys"
	case "/sys/fs/cgroup":
		return "rootfs.cgroup"
	case "/etc/hosts", "/etc/hostname", "/etc/resolv.conf":
		return "rootfs.etc"
	}
	return "rootfs.volumes"
}

func terminal(p *plan) bool { return p.Process.Terminal }

func masks(p *plan) bool {
	return len(p.MaskedPaths)+len(p.ReadonlyPaths) > 0
}
