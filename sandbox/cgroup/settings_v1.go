package cgroup

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// settingsV1 puts the limits of a configuration into the files of version 1,
// which the configuration was modelled on: most values are written as they are.
// The files are described in the kernel's Documentation/admin-guide/cgroup-v1.
func settingsV1(r *specs.LinuxResources) []Setting {
	var s settings
	if m := r.Memory; m != nil {
		// memsw counts memory and swap together. The kernel refuses (EINVAL) a
		// moment at which it is below the memory alone: so first the lower one,
		// where both were unlimited; where both are being raised, see setMemoryV1.
		addSet(&s, "memory.limit_in_bytes", m.Limit, lackMemory)
		if m.Swap != nil {
			addSet(&s, "memory.memsw.limit_in_bytes", m.Swap, lackOfSwap(*m.Swap))
		}
		addSet(&s, "memory.soft_limit_in_bytes", m.Reservation, lackReservation)
		if m.DisableOOMKiller != nil && *m.DisableOOMKiller {
			s.add("memory.oom_control", "1", lackOOMDisable)
		}
	}
	if c := r.CPU; c != nil {
		addSet(&s, "cpu.shares", c.Shares, lackShares)
		// Of each period the group may run for quota, both in microseconds. In
		// between the share is that of both together, and must not be above
		// that of the group above: period first, as runc does.
		addSet(&s, "cpu.cfs_period_us", c.Period, lackQuota)
		addSet(&s, "cpu.cfs_quota_us", c.Quota, lackQuota)
		if c.Cpus != "" {
			s.add("cpuset.cpus", c.Cpus, lackCpuset)
		}
		if c.Mems != "" {
			s.add("cpuset.mems", c.Mems, lackCpuset)
		}
	}
	if p := r.Pids; p != nil && p.Limit != nil && *p.Limit != 0 {
		s.add("pids.max", orMax(*p.Limit), lackPids)
	}
	if b := r.BlockIO; b != nil {
		if b.Weight != nil && *b.Weight != 0 {
			// The scheduler cfq went with Linux 5.0, and its file with it; bfq has its own.
			weight := fmt.Sprint(*b.Weight)
			s = append(s, Setting{
				File: "blkio.bfq.weight", Value: weight, Lack: lackWeight,
				Else: &Setting{File: "blkio.weight", Value: weight, Lack: lackWeight},
			})
		}
		// One line for each device, "8:0 1048576"; one write each.
		for _, d := range b.ThrottleReadBpsDevice {
			s.add("blkio.throttle.read_bps_device", fmt.Sprintf("%d:%d %d", d.Major, d.Minor, d.Rate), lackReadBps)
		}
		for _, d := range b.ThrottleWriteBpsDevice {
			s.add("blkio.throttle.write_bps_device", fmt.Sprintf("%d:%d %d", d.Major, d.Minor, d.Rate), lackWriteBps)
		}
	}
	return s
}

// orMax writes a limit as the kernel does where "max" is none: in all files of
// version 2, and in pids.max of version 1, which is the youngest there.
func orMax(n int64) string {
	if n < 0 {
		return "max"
	}
	return fmt.Sprint(n)
}
