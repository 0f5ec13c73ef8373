package cgroup

import (
	"fmt"
	"math"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// settingsV2 puts the limits of a configuration into the files of version 2
// (the kernel's Documentation/admin-guide/cgroup-v2.rst). The configuration
// speaks the language of version 1; what means something else here is
// converted as runc does (github.com/opencontainers/cgroups), so that the same
// config.json gives the same limits.
func settingsV2(r *specs.LinuxResources) []Setting {
	var s settings
	if m := r.Memory; m != nil {
		if m.Limit != nil && *m.Limit != 0 {
			s.add("memory.max", orMax(*m.Limit), lackMemory)
		}
		// swap.max counts swap alone, where the configuration has both together.
		if m.Swap != nil && *m.Swap != 0 && m.Limit != nil {
			s.add("memory.swap.max", orMax(swapAlone(*m.Swap, *m.Limit)), lackOfSwap(*m.Swap))
		}
		// Memory below low is taken away last.
		if m.Reservation != nil && *m.Reservation != 0 {
			s.add("memory.low", orMax(*m.Reservation), lackReservation)
		}
		if m.DisableOOMKiller != nil && *m.DisableOOMKiller {
			s.add("memory.oom_control", "1", lackOOMDisable) // no such file: version 2 has no way to do that
		}
	}
	if c := r.CPU; c != nil {
		if c.Shares != nil && *c.Shares != 0 {
			s.add("cpu.weight", fmt.Sprint(cpuWeight(*c.Shares)), lackShares)
		}
		if c.Quota != nil && *c.Quota != 0 || c.Period != nil && *c.Period != 0 {
			s.add("cpu.max", cpuMax(c), lackQuota)
		}
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
			s = append(s, Setting{
				File: "io.bfq.weight", Value: fmt.Sprint(*b.Weight), Lack: lackWeight,
				Else: &Setting{File: "io.weight", Value: fmt.Sprintf("default %d", ioWeight(*b.Weight)), Lack: lackWeight},
			})
		}
		// One line for each device and what is limited of it, "8:0 rbps=1048576".
		for _, d := range b.ThrottleReadBpsDevice {
			s.add("io.max", fmt.Sprintf("%d:%d rbps=%d", d.Major, d.Minor, d.Rate), lackReadBps)
		}
		for _, d := range b.ThrottleWriteBpsDevice {
			s.add("io.max", fmt.Sprintf("%d:%d wbps=%d", d.Major, d.Minor, d.Rate), lackWriteBps)
		}
	}
	return s
}

// swapAlone takes the memory off the sum of both; unlimited is -1.
func swapAlone(both, memory int64) int64 {
	if both < 0 || memory < 0 {
		return -1
	}
	return max(both-memory, 0)
}

// cpuMax is "QUOTA PERIOD", in microseconds; the period of both versions is 100
// ms unless said otherwise.
func cpuMax(c *specs.LinuxCPU) string {
	quota, period := "max", uint64(100_000)
	if c.Quota != nil && *c.Quota > 0 {
		quota = fmt.Sprint(*c.Quota)
	}
	if c.Period != nil && *c.Period != 0 {
		period = *c.Period
	}
	return fmt.Sprintf("%s %d", quota, period)
}

// cpuWeight turns shares, 2 to 262144 and mostly 1024, into a weight, 1 to 10000
// and mostly 100. runc did so by a straight line until version 1.3.2; but on
// that 1024 became 39, and a container that asked for the default got less than
// half of it. The curve since then meets both ends and the default
// (opencontainers/cgroups, utils.go; runc's pull request 4785 has the reasoning).
func cpuWeight(shares uint64) uint64 {
	switch {
	case shares <= 2:
		return 1
	case shares >= 262144:
		return 10000
	}
	l := math.Log2(float64(shares))
	exponent := (l*l+125*l)/612 - 7.0/34
	return uint64(math.Ceil(math.Pow(10, exponent)))
}

// ioWeight turns a weight of 10 to 1000 into one of 1 to 10000, on a straight
// line as runc has it.
func ioWeight(blkio uint16) uint64 {
	return 1 + (uint64(max(blkio, 10))-10)*9999/990
}
