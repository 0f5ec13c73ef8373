package cgroup

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// A Setting is one limit as the kernel takes it: what is written into which
// file of the group. settings_v1.go and settings_v2.go make them of a
// config.json, each in the words of its version.
type Setting struct {
	File, Value string

	// Lack is what does not hold on a machine without the file, in the words
	// that Docker has for it (moby, daemon/daemon_unix.go,
	// verifyPlatformContainerResources): people look for them. Empty: nothing
	// is lost.
	Lack string

	// Else is what takes the place of the setting where its file does not exist.
	Else *Setting
}

// Controller is the one that the file belongs to: "memory" of memory.max.
func (s Setting) Controller() string {
	controller, _, _ := strings.Cut(s.File, ".")
	return controller
}

// Settings are the limits of r, but for devices, in the order in which they are
// to be written.
func (h Hierarchy) Settings(r *specs.LinuxResources) []Setting {
	switch {
	case r == nil:
		return nil
	case h.Version == 2:
		return settingsV2(r)
	}
	return settingsV1(r)
}

const (
	lackMemory      = "Your kernel does not support memory limit capabilities or the cgroup is not mounted. Limitation discarded."
	lackSwap        = "Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap."
	lackReservation = "Your kernel does not support memory soft limit capabilities or the cgroup is not mounted. Limitation discarded."
	lackOOMDisable  = "Your kernel does not support OomKillDisable. OomKillDisable discarded."
	lackPids        = "Your kernel does not support PIDs limit capabilities or the cgroup is not mounted. PIDs limit discarded."
	lackShares      = "Your kernel does not support CPU shares or the cgroup is not mounted. Shares discarded."
	lackQuota       = "Your kernel does not support CPU CFS scheduler. CPU period/quota discarded."
	lackCpuset      = "Your kernel does not support cpuset or the cgroup is not mounted. Cpuset discarded."
	lackWeight      = "Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded."
	lackReadBps     = "Your kernel does not support BPS Block I/O read limit or the cgroup is not mounted. Block I/O BPS read limit discarded."
	lackWriteBps    = "Your kernel does not support BPS Block I/O write limit or the cgroup is not mounted. Block I/O BPS write limit discarded."
)

// settings collects them.
type settings []Setting

func (s *settings) add(file, value, lack string) {
	*s = append(*s, Setting{File: file, Value: value, Lack: lack})
}

// addSet is add for a value that the configuration may leave open; 0 does, too.
func addSet[T int64 | uint64](s *settings, file string, value *T, lack string) {
	if value != nil && *value != 0 {
		s.add(file, fmt.Sprint(*value), lack)
	}
}

// lackOfSwap: where swap is not counted it is not limited either, which is what
// -1 asks for.
func lackOfSwap(limit int64) string {
	if limit == -1 {
		return ""
	}
	return lackSwap
}

// without takes out the settings of controllers that the machine does not have,
// with one warning for each controller.
func (h Hierarchy) without(all []Setting) (rest []Setting, warnings []string) {
	var lacking []string // controllers
	files := map[string][]string{}
	for _, s := range all {
		c := s.Controller()
		if h.Dir(c) != "" {
			rest = append(rest, s)
			continue
		}
		if files[c] == nil {
			lacking, warnings = append(lacking, c), append(warnings, s.Lack)
		}
		files[c] = append(files[c], s.File)
	}
	for i, c := range lacking {
		warnings[i] += fmt.Sprintf(" (The controller %s is not here; nothing enforces %s.)", c, strings.Join(slices.Compact(files[c]), ", "))
	}
	return rest, warnings
}

// unsupported lists the limits of a configuration that nobody sets yet. No flag
// of learnbox asks for them, but a config.json of somebody else's may.
func unsupported(r *specs.LinuxResources) []string {
	m, c, b := r.Memory, r.CPU, r.BlockIO
	var warnings []string
	for _, l := range []struct {
		name string
		set  bool
	}{
		{"memory.kernel", m != nil && (m.Kernel != nil || m.KernelTCP != nil)}, //nolint:staticcheck // deprecated, and still sent
		{"memory.swappiness", m != nil && m.Swappiness != nil},
		{"cpu.realtime", c != nil && (c.RealtimePeriod != nil || c.RealtimeRuntime != nil)},
		{"cpu.burst", c != nil && c.Burst != nil},
		{"cpu.idle", c != nil && c.Idle != nil},
		{"blockIO.leafWeight", b != nil && b.LeafWeight != nil},
		{"blockIO.weightDevice", b != nil && len(b.WeightDevice) > 0},
		{"blockIO.throttle…IOPSDevice", b != nil && len(slices.Concat(b.ThrottleReadIOPSDevice, b.ThrottleWriteIOPSDevice)) > 0},
		{"hugepageLimits", len(r.HugepageLimits) > 0},
		{"network", r.Network != nil},
		{"rdma", len(r.Rdma) > 0},
		{"unified", len(r.Unified) > 0},
	} {
		if l.set {
			warnings = append(warnings, "resources."+l.name+" is not supported: the container runs without this limit")
		}
	}
	return warnings
}
