package seccomp

import (
	"runtime"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// docker is what Docker answers with its default profile and capabilities. The
// numbers come from runs of libseccomp 2.5.4 and from Docker's documentation.
func docker() map[string]verdict {
	table := map[string]verdict{"clone3": noCall}
	for _, name := range []string{
		"read", "write", "openat", "close", "execve", "exit_group", "futex", "mmap", "getpid", "chmod", "chown",
		"mknod", "ptrace", "process_vm_readv", "seccomp", "prctl", "ioctl", "bind", "connect", "faccessat2", "statx",
		"io_setup", "landlock_restrict_self", "memfd_create", "capset", "setuid", "arch_prctl", "modify_ldt", "mseal",
		"name_to_handle_at", "adjtimex", "pidfd_open", "futex_waitv", "renameat2", "socketpair", "mlock", "rseq", "chroot",
	} {
		table[name] = allow
	}
	for _, name := range []string{
		"mount", "umount2", "unshare", "setns", "pivot_root", "keyctl", "add_key", "request_key", "bpf", "reboot",
		"init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "swapon", "swapoff", "acct",
		"settimeofday", "clock_settime", "sethostname", "setdomainname", "open_by_handle_at", "perf_event_open",
		"userfaultfd", "quotactl", "iopl", "ioperm", "nfsservctl", "lookup_dcookie", "mbind", "set_mempolicy",
		"move_pages", "migrate_pages", "syslog", "vhangup", "kcmp", "fsopen", "fsmount", "move_mount", "open_tree",
		"io_uring_setup", "io_uring_enter", "pidfd_getfd", "process_madvise", "uselib", "ustat", "sysfs", "_sysctl",
		"create_module", "get_kernel_syms", "query_module", "mount_setattr", "fanotify_init",
	} {
		table[name] = refused
	}
	// Younger than the profile.
	table["open_tree_attr"], table["listns"] = noCall, noCall
	return table
}

// dockerCaps are the capabilities of a container of Docker's.
func dockerCaps() []string {
	return []string{
		"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID",
		"CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
	}
}

func defaultProgram(t testing.TB, caps ...string) Program {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		t.Skip("the table is for amd64")
	}
	p, err := Default(caps)
	if err != nil {
		t.Fatal(err)
	}
	return mustCompile(t, p, "amd64")
}

func TestTheDefaultAnswersAsDocker(t *testing.T) {
	prog := defaultProgram(t, dockerCaps()...)
	for i := range 2 {
		a := abiOf(t, "amd64", i)
		for name, want := range docker() {
			all, known := lookup(name)
			if !known {
				t.Errorf("%s is not in the table", name)
			}
			number := a.number(all)
			if number == missing {
				continue
			}
			if name == "arch_prctl" && a.name == specs.ArchX86 {
				want = allow
			}
			if got := run(t, prog, call{arch: a.audit, nr: uint32(number)}); got != want {
				t.Errorf("%s: %s gets %#x, want %#x", a.name, name, got, want)
			}
		}
	}
}

func TestTheDefaultLooksAtArguments(t *testing.T) {
	prog := defaultProgram(t, dockerCaps()...)
	for name, tt := range map[string]struct {
		call string
		arg  uint64
		want verdict
	}{
		"AF_UNIX":                    {"socket", 1, allow},
		"AF_INET6":                   {"socket", 10, allow},
		"AF_PACKET":                  {"socket", 17, allow},
		"AF_RXRPC, before AF_ALG":    {"socket", 33, allow},
		"AF_ALG":                     {"socket", 38, refused},
		"AF_NFC, between the two":    {"socket", 39, allow},
		"AF_VSOCK":                   {"socket", 40, refused},
		"AF_KCM, behind AF_VSOCK":    {"socket", 41, allow},
		"AF_VSOCK with garbage":      {"socket", 1<<32 | 40, refused},
		"AF_ALG with garbage":        {"socket", 1<<63 | 38, refused},
		"a thread":                   {"clone", 0x3d0f00, allow},
		"a process":                  {"clone", 17, allow},
		"a user namespace":           {"clone", 0x10000000 | 17, refused},
		"a network namespace":        {"clone", 0x40000000 | 17, refused},
		"ask for the personality":    {"personality", 0xffffffff, allow},
		"UNAME26":                    {"personality", 0x20000, allow},
		"ADDR_NO_RANDOMIZE":          {"personality", 0x40000, refused},
		"READ_IMPLIES_EXEC and PER0": {"personality", 0x400000, refused},
	} {
		for i := range 2 {
			a := abiOf(t, "amd64", i)
			given := tt.arg
			if a.narrow {
				given &= 0xffffffff
			}
			c := call{arch: a.audit, nr: nr(t, a, tt.call), args: [6]uint64{given}}
			if got := run(t, prog, c); got != tt.want {
				t.Errorf("%s: %s: %s(%#x) gets %#x, want %#x", name, a.name, tt.call, given, got, tt.want)
			}
		}
	}
}

func TestACapabilityOpensItsCalls(t *testing.T) {
	amd64 := abiOf(t, "amd64", 0)
	for capability, calls := range map[string][]string{
		"CAP_SYS_ADMIN":       {"mount", "unshare", "setns", "clone3", "bpf", "sethostname"},
		"CAP_SYS_PTRACE":      {"kcmp", "pidfd_getfd", "process_madvise"},
		"CAP_SYS_TIME":        {"settimeofday", "clock_settime"},
		"CAP_SYS_MODULE":      {"init_module", "delete_module"},
		"CAP_DAC_READ_SEARCH": {"open_by_handle_at"},
		"CAP_SYS_BOOT":        {"reboot"},
		"CAP_SYS_CHROOT":      {"chroot"},
		"CAP_SYSLOG":          {"syslog"},
	} {
		without, granted := defaultProgram(t), defaultProgram(t, capability)
		for _, name := range calls {
			c := call{arch: amd64.audit, nr: nr(t, amd64, name)}
			if got := run(t, without, c); got == allow {
				t.Errorf("%s is allowed without %s", name, capability)
			}
			if got := run(t, granted, c); got != allow {
				t.Errorf("%s with %s: %#x, want it allowed", name, capability, got)
			}
		}
	}
}

// The bars are what libseccomp's binary tree needs for the same profile.
func TestTheDefaultIsShort(t *testing.T) {
	prog := defaultProgram(t, dockerCaps()...)
	amd64 := abiOf(t, "amd64", 0)
	if len(prog) > 870 {
		t.Errorf("%d instructions", len(prog))
	}
	for name, most := range map[string]int{"read": 12, "futex": 15, "openat": 15, "socket": 25} {
		n := steps(t, prog, call{arch: amd64.audit, nr: nr(t, amd64, name), args: [6]uint64{2}})
		t.Logf("%s: %d of %d instructions run", name, n, len(prog))
		if n > most {
			t.Errorf("%s runs %d instructions, want at most %d", name, n, most)
		}
	}
}
