package evidence

import (
	"path/filepath"
	"slices"
)

// table says what each step is to be seen by.
func table(step string) []probe {
	switch step {
	case "image.resolve", "image.pull":
		return []probe{files("in the store", func(s Subject) string { return s.Images })}
	case "image.unpack":
		return []probe{files("root file system", func(s Subject) string { return s.Rootfs })}
	case "container.create", "container.save":
		return []probe{files("files", func(s Subject) string { return s.Dir })}
	case "monitor.start":
		return ofMonitor(append(status("Name"), session()))
	case "cgroup.create":
		return []probe{groups()}
	case "cgroup.limit":
		return append([]probe{groupFile("devices.list")}, limits()...)
	case "limits.pids":
		return []probe{limit("pids.max")}
	case "init.clone":
		return append([]probe{namespace("pid"), rows("member of", "cgroup")}, status("Name", "NSpid")...)
	case "init.plan", "init.go", "init.wait":
		return nil // words that pass between two processes leave nothing to see
	case "net.loopback":
		return []probe{loopback()}
	case "mount.private":
		return []probe{propagation()}
	case "tty.open":
		return []probe{directory("terminals", "dev/pts"), mounts(step)}
	case "host.sysctl":
		return []probe{sysctls()}
	case "process.cwd":
		return []probe{link("working directory", "cwd")}
	case "host.name":
		return []probe{hostname()}
	case "limits.rlimits":
		return []probe{rows("limit", "limits")}
	case "limits.oom":
		return []probe{content("oom_score_adj")}
	case "tty.session":
		return []probe{session()}
	case "caps.bound":
		return status("CapBnd")
	case "user.set":
		return status("Uid", "Gid", "Groups")
	case "privs.no_new":
		return status("NoNewPrivs")
	case "seccomp.load":
		return status("Seccomp", "Seccomp_filters")
	case "caps.set":
		return status("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
	case "process.exec":
		return slices.Concat(status("Name"), []probe{link("program", "exe"), fds()})
	case "process.exit":
		return []probe{life(), groups()}
	}
	return fileSystem(step)
}

// fileSystem is the part of the table that is about namespaces and mounts.
func fileSystem(step string) []probe {
	switch step {
	case "ns.uts", "ns.ipc", "ns.cgroup":
		return []probe{namespace(step[len("ns."):])}
	case "ns.net":
		return []probe{namespace("net"), devices()}
	case "ns.mount":
		return []probe{namespace("mnt"), count("mounts", "mountinfo")}
	case "rootfs.dev":
		return []probe{mounts(step), directory("devices", "dev")}
	}
	if family, _ := filepath.Match("rootfs.*", step); family {
		return []probe{mounts(step)}
	}
	return nil
}

// Facts names what is read for a step, for documentation.
func Facts(step string) []string {
	var names []string
	for _, p := range table(step) {
		names = append(names, p.fact)
	}
	return names
}
