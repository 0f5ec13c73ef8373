package spec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/docker/go-units"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// unlimited is RLIM_INFINITY as the kernel has it, where --ulimit says -1 (getrlimit(2)).
const unlimited = ^uint64(0)

// buildRlimits reads --ulimit NAME=SOFT[:HARD], sorted by name; the last of a name counts.
func buildRlimits(in *Input, res *Result) error {
	for _, flag := range in.Options.Ulimits {
		u, err := units.ParseUlimit(flag)
		if err != nil {
			return hinted("the form is NAME=SOFT[:HARD], as in nofile=1024:2048; -1 is unlimited", "--ulimit %q: %w", flag, err)
		}
		if u.Soft < -1 || u.Hard < -1 {
			return fmt.Errorf("--ulimit %q: a limit is a number from 0 on, or -1 for unlimited", flag)
		}
		limit := specs.POSIXRlimit{Type: "RLIMIT_" + strings.ToUpper(u.Name), Soft: rlimit(u.Soft), Hard: rlimit(u.Hard)}
		list := slices.DeleteFunc(res.Spec.Process.Rlimits, func(l specs.POSIXRlimit) bool { return l.Type == limit.Type })
		res.Spec.Process.Rlimits = append(list, limit)
	}
	slices.SortFunc(res.Spec.Process.Rlimits, func(a, b specs.POSIXRlimit) int { return strings.Compare(a.Type, b.Type) })
	return nil
}

func rlimit(n int64) uint64 {
	if n == -1 {
		return unlimited
	}
	return uint64(n)
}

// buildSysctls sets Docker's two, which let anybody in the container ping and use ports
// below 1024, and what --sysctl asks for: only what the kernel keeps per namespace, and
// only in a namespace of the container's own. All else would change the machine.
func buildSysctls(in *Input, res *Result) error {
	set := map[string]string{}
	if hasNamespace(res.Spec.Linux, specs.NetworkNamespace) && in.Host.HasSysctl != nil {
		for name, value := range map[string]string{
			"net.ipv4.ping_group_range":           "0 2147483647",
			"net.ipv4.ip_unprivileged_port_start": "0",
		} {
			if in.Host.HasSysctl(name) {
				set[name] = value
			}
		}
	}
	for _, flag := range in.Options.Sysctls {
		name, value, hasValue := strings.Cut(flag, "=")
		if !hasValue || strings.ContainsAny(value, "\x00\n") {
			return hinted("the form is NAME=VALUE, as in net.core.somaxconn=1024", "--sysctl %q: no value", flag)
		}
		kind, ok := sysctlNamespace(name)
		if !ok {
			return hinted("in a container only net.*, fs.mqueue.*, kernel.msg*, kernel.sem and kernel.shm* are its own",
				"--sysctl %q: it would change the whole machine", flag)
		}
		if !hasNamespace(res.Spec.Linux, kind) {
			return fmt.Errorf("--sysctl %q: the container shares the host's %s namespace, so it would change the host", flag, kind)
		}
		set[name] = value
	}
	if len(set) > 0 {
		res.Spec.Linux.Sysctl = set
	}
	return nil
}

// sysctlNamespace tells which namespace a sysctl belongs to, if any. A name becomes a path
// below /proc/sys, so it is made of plain words between single dots.
func sysctlNamespace(name string) (specs.LinuxNamespaceType, bool) {
	for word := range strings.SplitSeq(name, ".") {
		if word == "" || strings.ContainsAny(word, "/\x00\n") {
			return "", false
		}
	}
	switch name {
	case "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
		"kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced":
		return specs.IPCNamespace, true
	}
	switch {
	case strings.HasPrefix(name, "fs.mqueue."):
		return specs.IPCNamespace, true
	case strings.HasPrefix(name, "net."):
		return specs.NetworkNamespace, true
	}
	return "", false
}
