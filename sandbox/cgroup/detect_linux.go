package cgroup

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Detect reads how the control groups of this machine are laid out, the first time
// that somebody asks.
func Detect() (Hierarchy, error) { return detect() }

var detect = sync.OnceValues(readLayout) //nolint:gochecknoglobals // the machine is one

func readLayout() (Hierarchy, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return Hierarchy{}, fmt.Errorf("find the control groups: %w", err)
	}
	defer f.Close()
	h, err := parse(f)
	if err != nil {
		return Hierarchy{}, fmt.Errorf("find the control groups: %w", err)
	}
	if _, err := os.Stat("/run/systemd/system"); h.Version == 2 || err == nil { // sd_booted(3)
		h.Common = common + "/"
	}
	switch h.Version {
	case 0:
		return Hierarchy{}, &notMountedError{}
	case 2:
		data, err := os.ReadFile(filepath.Join(h.Trees[0].Dir, "cgroup.controllers"))
		if err != nil {
			return Hierarchy{}, fmt.Errorf("find the controllers of cgroup v2: %w", err)
		}
		h.Trees[0].Controllers = strings.Fields(string(data))
	}
	return h, nil
}

// Processors are the lists of the processors and of the memory nodes that a group
// can be given, "0-3", as far as the machine tells.
func (h Hierarchy) Processors() (cpus, mems string) {
	first := func(files ...string) string {
		for _, file := range files {
			if list, err := readFile(file); err == nil && list != "" {
				return list
			}
		}
		return ""
	}
	dir := h.Dir("cpuset")
	cpus = first(dir+"/cpuset.effective_cpus", dir+"/cpuset.cpus.effective", "/sys/devices/system/cpu/online")
	mems = first(dir+"/cpuset.effective_mems", dir+"/cpuset.mems.effective", "/sys/devices/system/node/online")
	return cpus, mems
}

// notMountedError says that the machine shows no control groups.
type notMountedError struct{}

func (*notMountedError) Error() string { return "no cgroup file system is mounted" }

// Hint is the command that systemd would have run.
func (*notMountedError) Hint() string {
	return "mount -t cgroup2 none /sys/fs/cgroup"
}
