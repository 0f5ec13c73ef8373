package spec

import (
	"fmt"
	"strings"
	"unicode"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// The words that --network, --pid, --ipc and --uts share.
const (
	modeHost    = "host"
	modePrivate = "private"
	modeNone    = "none"
)

// maxHostname is __NEW_UTS_LEN, the kernel's limit for a host name in bytes (sethostname(2)).
const maxHostname = 64

// buildNamespaces lists what the container has of its own. On cgroup v2 Docker adds a
// cgroup namespace; on v1 it shares the host's view unless asked not to, and so do we.
func buildNamespaces(in *Input, res *Result) error {
	o := &in.Options
	for _, m := range []struct{ flag, mode, offered string }{
		{"--network", o.Network, "none, host"},
		{"--pid", o.PID, "host"},
		{"--ipc", o.IPC, "private, host"},
		{"--uts", o.UTS, "host"},
		{"--cgroupns", o.Cgroupns, "private, host"},
	} {
		if err := checkMode(m.flag, m.mode, m.offered); err != nil {
			return err
		}
	}
	list := []struct {
		kind specs.LinuxNamespaceType
		own  bool
	}{
		{specs.MountNamespace, true},
		{specs.UTSNamespace, o.UTS != modeHost},
		{specs.IPCNamespace, o.IPC != modeHost},
		{specs.NetworkNamespace, o.Network != modeHost},
		{specs.PIDNamespace, o.PID != modeHost},
		{specs.CgroupNamespace, o.Cgroupns == modePrivate || o.Cgroupns == "" && in.Host.CgroupVersion == 2},
	}
	for _, ns := range list {
		if ns.own {
			res.Spec.Linux.Namespaces = append(res.Spec.Linux.Namespaces, specs.LinuxNamespace{Type: ns.kind})
		}
	}
	return nil
}

func checkMode(flag, mode, offered string) error {
	if mode == "" {
		return nil
	}
	for word := range strings.SplitSeq(offered, ", ") {
		if mode == word {
			return nil
		}
	}
	if strings.HasPrefix(mode, "container:") {
		return hinted("offered are: "+offered, "%s %s: sharing a namespace with another container is not offered yet", flag, mode)
	}
	return hinted("offered are: "+offered, "%s %s: unknown mode", flag, mode)
}

// buildHostname gives the container its name: -h, or the first 12 digits of its ID as
// in Docker. One that shares the host's network keeps the host's name, so that the
// name fits the addresses; one that shares the UTS namespace cannot have another.
func buildHostname(in *Input, res *Result) error {
	name := in.Options.Hostname
	if in.Options.UTS == modeHost {
		if name != "" {
			return hinted("leave one of the two out", "--hostname %s and --uts host: the host's name would change", name)
		}
		res.Hostname = in.Host.Hostname
		return nil
	}
	switch {
	case name != "":
		if err := checkHostname(name); err != nil {
			return err
		}
	case in.Options.Network == modeHost && in.Host.Hostname != "":
		name = in.Host.Hostname
	default:
		name = in.ID[:12]
	}
	res.Hostname, res.Spec.Hostname = name, name
	return nil
}

// checkHostname refuses what the kernel refuses, and what would become a second line
// or a second word in /etc/hosts.
func checkHostname(name string) error {
	if len(name) > maxHostname {
		return fmt.Errorf("host name %q has %d bytes, the kernel allows %d", name, len(name), maxHostname)
	}
	if strings.ContainsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return fmt.Errorf("host name %q contains a blank or a control character", name)
	}
	return nil
}
