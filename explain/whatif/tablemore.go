package whatif

// hiddenRows are about what the container is to be kept from.
func hiddenRows() []Row {
	return []Row{
		{Step: "tty.open", Flags: []string{"-t"}, Probes: []Probe{
			ask("is its standard input a terminal", `test -t 0 && echo yes || echo no`),
		}},
		{Step: "rootfs.pivot", Probes: []Probe{
			ask("it reads a file of the shield", `cat "$MARKER" 2>&1 | sed 's/.*: //'`),
			ask("does it see the shield's data root", `test -e "${MARKER%/*}/images" && echo yes || echo no`),
		}, Careful: "files are read-only, but services of the machine that listen on a socket in the file system can be spoken to"},
		{Step: "host.sysctl", Probes: []Probe{
			ask("the first port for everybody", `cat /proc/sys/net/ipv4/ip_unprivileged_port_start`),
		}},
		{Step: "rootfs.mask", Probes: []Probe{
			ask("may it write kernel.core_pattern", `(: >>/proc/sys/kernel/core_pattern) 2>/dev/null && echo yes || echo no`),
			ask("does it see the machine's interrupts", `test -n "$(cat /proc/interrupts)" && echo yes || echo no`),
		}, Careful: global},
		{Step: "process.cwd", Flags: []string{"-w", "/srv"}, Probes: []Probe{
			ask("where it starts", `pwd`),
		}},
		{Step: "rootfs.readonly", Flags: []string{"--read-only"}, Probes: []Probe{
			ask("it writes a file", `(echo x >/written) 2>&1 | sed 's/.*: //'; ls /written 2>/dev/null`),
		}},
		{Step: "host.name", Probes: []Probe{
			ask("the container's hostname", `hostname`),
		}},
	}
}

// processRows are about the process itself.
func processRows() []Row {
	status := func(key string) string { return `grep ^` + key + `: /proc/self/status | cut -f2` }
	return []Row{
		{Step: "limits.rlimits", Flags: []string{"--ulimit", "nofile=64:64"}, Probes: []Probe{
			ask("files that it may open", `test $(ulimit -n) = 64 && echo 64 || echo as many as learnbox`),
		}},
		{Step: "limits.oom", Flags: []string{"--oom-score-adj", "500"}, Probes: []Probe{
			ask("how soon the kernel kills it", `test $(cat /proc/self/oom_score_adj) = 500 && echo soon || echo as soon as learnbox`),
		}},
		{Step: "limits.pids", Flags: []string{"--pids-limit", "20"}, Probes: []Probe{
			ask("processes that it may have", `grep -qsx 20 /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max && echo 20 || echo any number`),
		}},
		{Step: "tty.session", Probes: []Probe{
			ask("does it lead a session of its own", `test $(cut -d' ' -f6 /proc/1/stat) = 1 && echo yes || echo no`),
		}},
		{Step: "caps.bound", Probes: []Probe{
			ask("capabilities of the program", status("CapEff")),
			ask("the most that it can get", status("CapBnd")),
		}, Careful: "with all capabilities root in the container can undo whatever the shield is made of"},
		{Step: "user.set", Flags: []string{"-u", "1000:1000"}, Probes: []Probe{
			ask("user and group", `echo $(id -u):$(id -g)`),
			ask("may it write to /", `test -w / && echo yes || echo no`),
		}},
		{Step: "privs.no_new", Flags: []string{"--security-opt", "no-new-privileges"}, Probes: []Probe{
			ask("no_new_privs", status("NoNewPrivs")),
		}},
		{Step: "seccomp.load", Probes: []Probe{
			ask("Seccomp: 2 is a filter, 0 none", status("Seccomp")),
			ask("it makes a user namespace", `unshare -U true 2>&1 | sed 's/.*: //' | grep . || echo yes`),
		}},
		{Step: "caps.set", Probes: []Probe{
			see("capabilities just before the execve", FactCapEff),
			ask("capabilities of the program", status("CapEff")),
		}},
	}
}
