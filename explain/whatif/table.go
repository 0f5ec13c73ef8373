package whatif

import "slices"

// A Probe is one question, put to a run with a step and to one without it.
type Probe struct {
	What  string // in words
	Shell string // a command for the container's sh; else
	Fact  string // what is read from outside
}

// Facts that are read from outside.
const (
	FactHostname = "hostname" // of the shield, afterwards
	FactMounts   = "mounts"   // what the run left in the shield's mount table
	FactCapEff   = "CapEff"   // of the init, just before it becomes the program
)

// A Row says what to ask about a step.
type Row struct {
	Step    string
	Flags   []string // of a run in which the step does something that can be seen
	Through []string // steps that only trip over the missing one: they are left out as well
	Probes  []Probe
	Careful string // what the shield does not hold off
}

// Rows are the steps that can be left out, in the order of a run.
func Rows() []Row { return slices.Concat(namespaceRows(), fileRows(), hiddenRows(), processRows()) }

// For finds the row of a step.
func For(step string) (Row, bool) {
	rows := Rows()
	i := slices.IndexFunc(rows, func(r Row) bool { return r.Step == step })
	if i < 0 {
		return Row{}, false
	}
	return rows[i], true
}

func ask(what, shell string) Probe { return Probe{What: what, Shell: shell} }
func see(what, fact string) Probe  { return Probe{What: what, Fact: fact} }

// Several rows ask for these.
const (
	everyProcess = `for p in /proc/[0-9]*; do grep -qs ^` + Name + ` $p/cmdline && `
	global       = "most of /proc/sys belongs to no namespace: a program that writes there changes the machine, shield or not"
)

func namespaceRows() []Row {
	return []Row{
		{Step: "init.clone", Probes: []Probe{
			ask("is the program PID 1", `test $$ = 1 && echo yes || echo no`),
			ask("does it see learnbox", everyProcess+`echo yes && exit; done; echo no`),
			ask("may it signal learnbox", everyProcess+`kill -0 ${p#/proc/} && echo yes && exit; done; echo no`),
		}},
		{Step: "cgroup.limit", Probes: []Probe{
			ask("it makes a device and opens it", `mknod /device c 60 7; cat /device 2>&1 | sed 's/.*: //'`),
		}, Careful: "only the shield's own group keeps the container from the machine's disks now"},
		{Step: "ns.uts", Probes: []Probe{
			see("the shield's hostname afterwards", FactHostname),
			ask("the container's hostname", `hostname`),
		}},
		{Step: "ns.ipc", Probes: []Probe{
			ask("shared memory of others that it sees", `sed 1d /proc/sysvipc/shm | wc -l`),
		}},
		{Step: "ns.net", Probes: []Probe{
			ask("interfaces that it sees", `ls /sys/class/net | grep -E '^(lo|`+Link+`)$' | xargs`),
		}},
		{Step: "net.loopback", Probes: []Probe{
			ask("it calls itself at 127.0.0.1", `ping -c 1 -W 1 127.0.0.1 2>&1 | grep -o -E 'Network is unreachable|1 packets received|Operation not permitted'`),
		}},
		{Step: "ns.cgroup", Probes: []Probe{
			ask("where it is, as it sees it", `sed 's/.*:://' /proc/self/cgroup`),
		}},
		{Step: "ns.mount", Probes: []Probe{
			see("the shield's mount table afterwards", FactMounts),
		}},
		{Step: "mount.private", Probes: []Probe{
			see("the shield's mount table afterwards", FactMounts),
		}},
	}
}

func fileRows() []Row {
	return []Row{
		{Step: "rootfs.proc", Through: []string{"rootfs.mask"}, Probes: []Probe{
			ask("what ps lists", `ps 2>&1 | sed 1d | grep -q . && echo processes || echo nothing`),
			ask("does it find itself at /proc/self", `test -e /proc/self && echo yes || echo no`),
		}},
		{Step: "rootfs.dev", Through: []string{"rootfs.mask"}, Probes: []Probe{
			ask("is there a /dev/zero", `test -e /dev/zero && echo yes || echo no`),
			ask("/dev/null, written to", `echo x >/dev/null; stat -c %F /dev/null`),
		}},
		{Step: "rootfs.devpts", Flags: []string{"-t"}, Probes: []Probe{
			ask("is there a ptmx, to make terminals with", `test -e /dev/ptmx && echo yes || echo no`),
		}},
		{Step: "rootfs.sys", Probes: []Probe{
			ask("is there a /sys/kernel", `test -d /sys/kernel && echo yes || echo no`),
			ask("interfaces in /sys/class/net", `ls /sys/class/net 2>/dev/null | grep -x lo || echo none`),
		}},
		{Step: "rootfs.cgroup", Probes: []Probe{
			ask("can it read its own limits", `test -n "$(ls /sys/fs/cgroup)" && echo yes || echo no`),
		}},
		{Step: "rootfs.mqueue", Probes: []Probe{
			ask("the directory of message queues", `ls -d /dev/mqueue 2>&1 | sed 's/.*: //'`),
		}},
		{Step: "rootfs.shm", Probes: []Probe{
			ask("a file in /dev/shm", `(echo x >/dev/shm/x) 2>&1 | sed 's/.*: //'; ls /dev/shm 2>/dev/null`),
		}},
		{Step: "rootfs.volumes", Flags: []string{"--tmpfs", "/scratch"}, Probes: []Probe{
			ask("what is mounted at /scratch", `grep ' /scratch ' /proc/mounts | cut -d' ' -f3 | grep . || echo nothing`),
		}},
		{Step: "rootfs.etc", Probes: []Probe{
			ask("what /etc/hostname says", `cat /etc/hostname 2>&1 | sed 's/.*: //'`),
			ask("what localhost is in /etc/hosts", `grep -s -m 1 localhost /etc/hosts | cut -f1 | grep . || echo unknown`),
		}},
	}
}
