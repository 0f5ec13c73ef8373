package spec

import (
	"fmt"
	"path"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// buildDevices lists device nodes beyond those that every container has (runtime
// specification, "Default Devices": null, zero, full, random, urandom, tty, console,
// ptmx, which the runtime makes) and says which devices the container's cgroup allows.
func buildDevices(in *Input, res *Result) error {
	linux := res.Spec.Linux
	if !in.Options.Privileged {
		linux.Resources.Devices = deviceRules()
	} else {
		linux.Resources.Devices = []specs.LinuxDeviceCgroup{{Allow: true, Access: "rwm"}}
		host, err := devicesAt(in, "/dev")
		if err != nil {
			return fmt.Errorf("--privileged: %w", err)
		}
		for _, d := range host {
			if !runtimesOwn(d.Path) && d.Type != "p" {
				linux.Devices = append(linux.Devices, d)
			}
		}
	}
	for _, flag := range in.Options.Devices {
		if err := addDevice(in, linux, flag); err != nil {
			return fmt.Errorf("--device %q: %w", flag, err)
		}
	}
	return nil
}

// addDevice adds what one --device asks for: a node, or all nodes below a directory.
func addDevice(in *Input, linux *specs.Linux, flag string) error {
	source, dest, access, err := parseDevice(flag)
	if err != nil {
		return err
	}
	if in.Options.Privileged && source == dest {
		return nil // it is there already
	}
	found, err := devicesAt(in, source)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return fmt.Errorf("there is no device in %s", source)
	}
	for _, d := range found {
		d.Path = path.Join(dest, strings.TrimPrefix(d.Path, source))
		linux.Devices = append(linux.Devices, d)
		if !in.Options.Privileged && d.Type != "p" { // the device controller knows no fifos
			major, minor := d.Major, d.Minor
			linux.Resources.Devices = append(linux.Resources.Devices, specs.LinuxDeviceCgroup{
				Allow: true, Type: cgroupType(d.Type), Major: &major, Minor: &minor, Access: access,
			})
		}
	}
	return nil
}

// parseDevice reads HOST[:CONTAINER][:ACCESS]; access is of r, w and m (mknod).
func parseDevice(flag string) (source, dest, access string, err error) {
	parts := strings.Split(flag, ":")
	source, access = parts[0], "rwm"
	dest = source
	switch {
	case len(parts) > 3:
		return "", "", "", fmt.Errorf("too many colons: want HOST[:CONTAINER][:ACCESS]")
	case len(parts) == 3:
		dest, access = parts[1], parts[2]
	case len(parts) == 2 && isAccess(parts[1]):
		access = parts[1]
	case len(parts) == 2:
		dest = parts[1]
	}
	if !isAccess(access) {
		return "", "", "", fmt.Errorf("access %q: want some of r, w and m, each once", access)
	}
	for _, p := range []string{source, dest} {
		if !path.IsAbs(p) || hasNUL(p) {
			return "", "", "", fmt.Errorf("%q is not an absolute path", p)
		}
	}
	return path.Clean(source), path.Clean(dest), access, nil
}

func isAccess(s string) bool {
	if s == "" {
		return false
	}
	for _, c := range s {
		if !strings.ContainsRune("rwm", c) || strings.Count(s, string(c)) > 1 {
			return false
		}
	}
	return true
}

func devicesAt(in *Input, source string) ([]specs.LinuxDevice, error) {
	if in.Device == nil {
		return nil, fmt.Errorf("look up %s: nobody to ask", source)
	}
	return in.Device(source)
}

// cgroupType: an unbuffered character device is a character device to the controller.
func cgroupType(t string) string {
	if t == "u" {
		return "c"
	}
	return t
}

// runtimesOwn tells what the runtime itself puts into /dev, and what comes from the
// container's own devpts, tmpfs and mqueue.
func runtimesOwn(p string) bool {
	switch p {
	case "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/console", "/dev/ptmx":
		return true
	}
	for _, dir := range []string{"/dev/pts/", "/dev/shm/", "/dev/mqueue/", "/dev/fd/"} {
		if strings.HasPrefix(p, dir) {
			return true
		}
	}
	return false
}

// deviceRules are what Docker's containers end up with: any node may be made, but only
// those that every container has, and pseudoterminals, may be opened.
func deviceRules() []specs.LinuxDeviceCgroup {
	rules := []specs.LinuxDeviceCgroup{
		{Allow: false, Access: "rwm"},
		{Allow: true, Type: "c", Access: "m"},
		{Allow: true, Type: "b", Access: "m"},
	}
	for _, n := range [][2]int64{
		{1, 3}, // null
		{1, 5}, // zero
		{1, 7}, // full
		{1, 8}, // random
		{1, 9}, // urandom
		{5, 0}, // tty
		{5, 2}, // ptmx
	} {
		rules = append(rules, specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: &n[0], Minor: &n[1], Access: "rwm"})
	}
	pts := int64(136)
	return append(rules, specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: &pts, Access: "rwm"})
}
