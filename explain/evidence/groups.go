package evidence

import (
	"path/filepath"
	"slices"
)

// This file holds the probes that read the container's control group.

// groupFile is a file of the control group, in the first tree that has it.
func groupFile(name string) probe {
	return probe{fact: name, list: true, read: func(s Subject) (string, []string) {
		for _, dir := range s.Groups {
			if file := filepath.Join(dir, name); exists(file) {
				return file, lines(file)
			}
		}
		return name, nil
	}}
}

// limits are the files of the control group that hold one: of version 1, and
// behind them of version 2.
func limits() []probe {
	var probes []probe
	for _, name := range []string{
		"memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.soft_limit_in_bytes", "memory.oom_control",
		"cpu.shares", "cpu.cfs_period_us", "cpu.cfs_quota_us",
		"blkio.bfq.weight", "blkio.weight", "blkio.throttle.read_bps_device", "blkio.throttle.write_bps_device",
		"cpuset.cpus", "cpuset.mems", // of both versions
		"memory.max", "memory.swap.max", "memory.low", "cpu.weight", "cpu.max", "io.bfq.weight", "io.weight", "io.max",
	} {
		probes = append(probes, limit(name))
	}
	return probes
}

// limit is a file of the control group, which is told of if it has changed.
func limit(name string) probe {
	return probe{fact: name, quiet: true, read: func(s Subject) (string, []string) {
		if s.Limits != nil && !slices.Contains(s.Limits, name) {
			return name, nil
		}
		return groupFile(name).read(s)
	}}
}

// groups are the directories of the control group that exist.
func groups() probe {
	return probe{fact: "control group", list: true, read: func(s Subject) (string, []string) {
		return "/sys/fs/cgroup", slices.DeleteFunc(slices.Clone(s.Groups), func(dir string) bool { return !exists(dir) })
	}}
}
