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

func row[T any](id, title, why string, needed func(*plan) bool, do func(T) error) step[T] {
	return step[T]{narrate.Step{ID: id, Title: title, Why: why}, needed, do}
}

// cloneSteps are taken by learnbox itself and end with a process that waits.
func cloneSteps() []step[*Init] {
	return []step[*Init]{
		row("cgroup.create", "A control group",
			"first, so that the container is born in it and can be found and killed as a whole",
			nil, (*Init).createCgroup),
		row("init.clone", "PID 1 of a new pid namespace",
			"only a newborn process can be in a new pid namespace; it waits for its plan",
			nil, (*Init).clone),
	}
}

// startSteps are taken by learnbox too, from init.plan on beside the init, which
// waits for the last of them at init.wait.
func startSteps() []step[*Init] {
	return []step[*Init]{
		row("cgroup.limit", "What it may use: devices, memory, processors",
			"before the init makes the devices, which cgroup v1 forbids first and then allows; and so that its own work counts against the limits",
			nil, (*Init).limitCgroup),
		row("init.plan", "The init hears what to build",
			"from here on both work side by side",
			nil, (*Init).sendPlan),
		row("container.save", "Its files on disk",
			"before the program runs, so that none runs that nobody knows of",
			nil, (*Init).save),
		row("init.go", "The word to go on",
			"when the parent has done all that must stand before the program",
			nil, (*Init).release),
	}
}

// initSteps are taken by the init, from inside, in the order of the table.
func initSteps() []step[*guest] {
	return []step[*guest]{
		// The namespaces: one unshare each, so that each can be seen on its own.
		row("ns.uts", "A hostname of its own",
			"so that host.name below cannot rename the machine",
			has(specs.UTSNamespace), unshare(specs.UTSNamespace)),
		row("ns.ipc", "Message queues and shared memory of its own",
			"before /dev/mqueue and the sysctls, which show those of the namespace",
			has(specs.IPCNamespace), unshare(specs.IPCNamespace)),
		row("ns.net", "A network of its own",
			"before /sys, which shows the network of whoever mounts it",
			has(specs.NetworkNamespace), unshare(specs.NetworkNamespace)),
		row("net.loopback", "127.0.0.1 answers",
			"a new network namespace has a loopback interface, but it is down",
			has(specs.NetworkNamespace), (*guest).upLoopback),
		row("ns.cgroup", "A view of the control groups of its own",
			"after the init entered its group: where it is now becomes the root that it sees",
			has(specs.CgroupNamespace), unshare(specs.CgroupNamespace)),
		row("ns.mount", "A mount table of its own",
			"a copy of the host's; all that follows changes the copy",
			has(specs.MountNamespace), unshare(specs.MountNamespace)),

		// The file system, built beside the host's and then swapped for it.
		row("mount.private", "No mount travels to the host",
			"the copies are still tied to the originals; cut that before the first mount, and before pivot_root, which refuses shared ones",
			nil, (*guest).cutPropagation),
		row("rootfs.overlay", "A writable layer over the image",
			"everything else is mounted inside it, and pivot_root needs a mount point",
			nil, (*guest).mountOverlay),
		row("rootfs.proc", "/proc",
			"shows the pid namespace of the one who mounts it, so PID 1 itself does",
			mounts("rootfs.proc"), mount("rootfs.proc")),
		row("rootfs.dev", "/dev with a few harmless devices",
			"an empty tmpfs, so that nothing the image put there counts",
			mounts("rootfs.dev"), (*guest).mountDev),
		row("rootfs.devpts", "Terminals of its own",
			"inside the new /dev",
			mounts("rootfs.devpts"), mount("rootfs.devpts")),
		row("rootfs.sys", "/sys",
			"after ns.net, whose interfaces it lists",
			mounts("rootfs.sys"), mount("rootfs.sys")),
		row("rootfs.cgroup", "Its own control group, to read",
			"inside the new /sys; read-only, or release_agent would be a way out (CVE-2022-0492)",
			mounts("rootfs.cgroup"), (*guest).mountCgroup),
		row("rootfs.mqueue", "/dev/mqueue",
			"inside the new /dev, after ns.ipc",
			mounts("rootfs.mqueue"), mount("rootfs.mqueue")),
		row("rootfs.shm", "/dev/shm",
			"inside the new /dev",
			mounts("rootfs.shm"), mount("rootfs.shm")),
		row("rootfs.volumes", "Volumes",
			"while the host's directories can still be reached",
			mounts("rootfs.volumes"), mount("rootfs.volumes")),
		row("rootfs.etc", "hosts, hostname and resolv.conf",
			"they depend on this run, so they cover what the image or a volume at /etc has",
			mounts("rootfs.etc"), mount("rootfs.etc")),
		row("tty.open", "A terminal",
			"from the container's own devpts, so that the program finds its name there",
			terminal, (*guest).openTerminal),
		row("rootfs.pivot", "The new root, and the old one gone",
			"when everything that needs the host's files is done",
			nil, (*guest).pivot),
		row("host.sysctl", "Kernel parameters of its namespaces",
			"before /proc/sys becomes read-only",
			func(p *plan) bool { return len(p.Sysctl) > 0 }, (*guest).writeSysctls),
		row("rootfs.mask", "Hidden and read-only paths",
			"places in /proc and /sys that belong to no namespace and would show or change the host",
			masks, (*guest).mask),
		row("process.cwd", "The working directory",
			"made if missing, so while root is still writable and privileged",
			nil, (*guest).enterWorkdir),
		row("rootfs.readonly", "A root file system that cannot be written",
			"after the last directory was made in it",
			func(p *plan) bool { return p.ReadOnly }, (*guest).setReadOnly),

		// The process: who it is and what it may do, the irreversible last.
		row("host.name", "The hostname",
			"it lies in the new uts namespace; needs CAP_SYS_ADMIN, so before the capabilities go",
			func(p *plan) bool { return p.Hostname != "" }, (*guest).setHostname),
		row("limits.rlimits", "Resource limits of the process",
			"raising one needs CAP_SYS_RESOURCE, so before the capabilities go",
			func(p *plan) bool { return len(p.Process.Rlimits) > 0 }, (*guest).setRlimits),
		row("limits.oom", "How soon it is killed when memory gets short",
			"making that less likely needs CAP_SYS_RESOURCE, so before the capabilities go",
			func(p *plan) bool { return p.Process.OOMScoreAdj != nil }, (*guest).setOOMScore),
		row("tty.session", "A session of its own",
			"and with it the controlling terminal, if there is one: Ctrl-C and job control work only then",
			nil, (*guest).newSession),
		row("init.wait", "Until the parent says go",
			"its limits must hold and its files must be written before the program runs",
			nil, (*guest).wait),
		row("caps.bound", "An upper bound for capabilities",
			"the bounding set holds for set-uid programs too; shrinking it needs CAP_SETPCAP",
			nil, (*guest).boundCaps),
		row("user.set", "The user and its groups",
			"changing them needs CAP_SETUID and CAP_SETGID, so before the capabilities go",
			nil, (*guest).setUser),
		row("privs.no_new", "No new privileges",
			"from here on no execve gains anything, set-uid or not",
			func(p *plan) bool { return p.Process.NoNewPrivileges }, (*guest).noNewPrivs),
		row("limits.pids", "How many processes it may have",
			"the init's threads count too, so only when it needs no more of them",
			func(p *plan) bool { return p.PidsLimit }, (*guest).awaitPidsLimit),
		row("seccomp.load", "A filter for system calls",
			"needs CAP_SYS_ADMIN unless no_new_privs is on, so before the capabilities go",
			func(p *plan) bool { return !p.Unconfined }, (*guest).loadFilter),
		row("caps.set", "Only the capabilities it was given",
			"last, because most steps above need one that is not among them",
			nil, (*guest).setCaps),
		row("process.exec", "The program",
			"the init becomes it; PID 1 stays PID 1",
			nil, (*guest).exec),
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
