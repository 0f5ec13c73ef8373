package spec

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// SeccompUnconfined is the SeccompProfile of a container without a filter.
const SeccompUnconfined = "unconfined"

// buildSecurity reads --security-opt and hides what Docker hides. A privileged
// container has nothing hidden and no seccomp filter, unless one is asked for.
func buildSecurity(in *Input, res *Result) error {
	hide := !in.Options.Privileged
	if in.Options.Privileged {
		res.SeccompProfile = SeccompUnconfined
	}
	for _, opt := range in.Options.SecurityOpt {
		key, value, hasValue := cutOption(opt)
		switch {
		case key == "no-new-privileges" && (!hasValue || value == "true"):
			res.Spec.Process.NoNewPrivileges = true
		case key == "no-new-privileges" && value == "false":
			res.Spec.Process.NoNewPrivileges = false
		case key == "seccomp" && value == "builtin":
			res.SeccompProfile = ""
		case key == "seccomp" && value == SeccompUnconfined:
			res.SeccompProfile = SeccompUnconfined
		case key == "seccomp" && value != "" && !hasNUL(value):
			res.SeccompProfile = absolute(in.Dir, value)
		case key == "systempaths" && value == "unconfined":
			hide = false
		case opt == "apparmor=unconfined", opt == "label=disable":
			// What learnbox does anyway: it uses neither AppArmor nor SELinux.
		default:
			return hinted("offered are: no-new-privileges, seccomp=FILE, seccomp=unconfined, systempaths=unconfined",
				"--security-opt %q: not an option, or not a value of it", opt)
		}
	}
	if hide {
		res.Spec.Linux.MaskedPaths = slices.Concat(maskedPaths(), in.Host.ThermalThrottle)
		res.Spec.Linux.ReadonlyPaths = readonlyPaths()
	}
	return nil
}

// cutOption takes KEY, KEY=VALUE and Docker's older KEY:VALUE.
func cutOption(opt string) (key, value string, hasValue bool) {
	if i := strings.IndexAny(opt, "=:"); i >= 0 {
		return opt[:i], opt[i+1:], true
	}
	return opt, "", false
}

// maskedPaths tell about the machine, or have been used to spy on it: what hardware it
// is, its keys, when its other users press a key (interrupts) or compute (powercap).
func maskedPaths() []string {
	return []string{
		"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys",
		"/proc/latency_stats", "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
		"/sys/devices/virtual/powercap", "/sys/firmware",
	}
}

// readonlyPaths change the machine when written.
func readonlyPaths() []string {
	return []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
}

// absolute resolves a path of the command line from the user's directory.
func absolute(dir, p string) string {
	if path.IsAbs(p) {
		return path.Clean(p)
	}
	return path.Join(dir, p)
}

// destination checks a path in the container where something is mounted, and cleans it.
func destination(p string) (string, error) {
	switch {
	case !path.IsAbs(p):
		return "", fmt.Errorf("destination %q is not an absolute path", p)
	case hasNUL(p):
		return "", fmt.Errorf("destination %q contains a NUL byte", p)
	case path.Clean(p) == "/":
		return "", fmt.Errorf("destination %q is the container's root", p)
	}
	return path.Clean(p), nil
}
