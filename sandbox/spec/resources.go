package spec

import (
	"fmt"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/sandbox/cgroup"
)

// Limits are what a user may say about resources, Docker's words, as typed.
type Limits struct {
	Memory, MemorySwap, MemoryReservation string   // "64m"; swap is memory and swap together, or "-1"
	CPUs                                  string   // "1.5"
	CPUShares, CPUQuota, CPUPeriod        string   // numbers; quota and period in microseconds
	CpusetCPUs, CpusetMems                string   // "0-2,4"
	PidsLimit                             string   // a number; "-1": none
	BlkioWeight                           string   // 10 to 1000
	DeviceReadBps, DeviceWriteBps         []string // "/dev/sda:1mb"
	OOMScoreAdj                           string   // -1000 to 1000
	OOMKillDisable                        bool     // cgroup v1 only
	CgroupParent                          string   // a path below the mount points of the control groups
}

// leastMemory is Docker's: below it a runtime's own init may not come to its end
// (moby, daemon/daemon_unix.go). learnbox's needs 2 MiB.
const leastMemory = 6 << 20

// leastWithInit is what the init of --init needs at most for itself, and some.
const leastWithInit = 16

// mostPids is as many processes as the kernel can number, and the largest limit that it takes
// (PID_MAX_LIMIT; pids_max_write in its kernel/cgroup/pids.c).
const mostPids = 4 << 20

// CgroupPath is the path of a container's control group below the mount points
// of the trees; common is that of cgroup.Hierarchy. See docs/decisions/0010-limits.md.
func CgroupPath(id, parent, common string) (string, error) {
	if parent == "" {
		return cgroup.Hierarchy{Common: common}.PathOf(id), nil
	}
	if slices.Contains(strings.Split(parent, "/"), "..") || strings.ContainsAny(parent, "\x00\n") {
		return "", hinted("it is a path below the mount points of the control groups, as in --cgroup-parent /course",
			"--cgroup-parent %q: the path leads out of the control groups", parent)
	}
	return strings.TrimPrefix(path.Join("/", parent, "learnbox-"+id), "/"), nil
}

// buildLimits reads the limits, by the rules and in the words of Docker's
// verifyPlatformContainerResources (moby, daemon/daemon_unix.go). Whether this
// machine can keep to them is found out when they are written.
func buildLimits(in *Input, res *Result) error {
	group, err := CgroupPath(in.ID, in.Options.Limits.CgroupParent, in.Host.CgroupCommon)
	if err != nil {
		return err
	}
	res.Spec.Linux.CgroupsPath = "/" + group
	for _, topic := range []func(*Input, *Result) error{buildMemory, buildOOM, buildPids, buildCPU, buildCpuset, buildBlockIO} {
		if err := topic(in, res); err != nil {
			return err
		}
	}
	return nil
}

func buildMemory(in *Input, res *Result) error {
	l := &in.Options.Limits
	if l.Memory+l.MemorySwap+l.MemoryReservation == "" {
		return nil
	}
	limit, err := bytesOf("--memory", l.Memory)
	if err != nil {
		return err
	}
	swap := int64(-1)
	if l.MemorySwap != "-1" {
		if swap, err = bytesOf("--memory-swap", l.MemorySwap); err != nil {
			return err
		}
	}
	reservation, err := bytesOf("--memory-reservation", l.MemoryReservation)
	if err != nil {
		return err
	}
	switch {
	case limit != 0 && limit < leastMemory:
		return hinted("6m is the least", "--memory %s: Minimum memory limit allowed is 6MB", l.Memory)
	case limit > 0 && swap > 0 && swap < limit:
		return hinted("--memory-swap is memory and swap together; the same value as --memory allows no swap, -1 any",
			"--memory-swap %s: Minimum memoryswap limit should be larger than memory limit", l.MemorySwap)
	case limit == 0 && swap > 0:
		return hinted("give --memory too", "--memory-swap %s: You should always set the Memory limit when using Memoryswap limit", l.MemorySwap)
	case reservation != 0 && reservation < leastMemory:
		return hinted("6m is the least", "--memory-reservation %s: Minimum memory reservation allowed is 6MB", l.MemoryReservation)
	case limit > 0 && limit < reservation:
		return hinted("the reservation is what is left to it when memory gets short, so less than its limit",
			"--memory %s: Minimum memory limit can not be less than memory reservation limit", l.Memory)
	}
	if limit > 0 && swap == 0 {
		swap = -1 // any, where there is no number for twice as much
		if limit <= math.MaxInt64/2 {
			swap = 2 * limit
		}
	}
	memory := memoryOf(res)
	memory.Limit, memory.Reservation = given(limit), given(reservation)
	if limit > 0 {
		memory.Swap = given(swap)
	}
	return nil
}

func buildOOM(in *Input, res *Result) error {
	l := &in.Options.Limits
	if l.OOMKillDisable {
		memoryOf(res).DisableOOMKiller = &l.OOMKillDisable
		if memoryOf(res).Limit == nil {
			res.warn("OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.")
		}
	}
	if l.OOMScoreAdj == "" {
		return nil
	}
	score, err := strconv.Atoi(l.OOMScoreAdj)
	if err != nil || score < -1000 || score > 1000 {
		return hinted("the higher, the sooner the kernel kills it when memory gets short; -1000 is never",
			"--oom-score-adj: Invalid value %s, range for oom score adj is [-1000, 1000]", l.OOMScoreAdj)
	}
	res.Spec.Process.OOMScoreAdj = &score
	return nil
}

// buildPids: 0 and -1 are no limit, as in Docker.
func buildPids(in *Input, res *Result) error {
	limit, err := count("--pids-limit", in.Options.Limits.PidsLimit, -1)
	if err != nil || in.Options.Limits.PidsLimit == "" {
		return err
	}
	if limit > mostPids {
		return hinted("-1 is no limit", "--pids-limit %d: the kernel takes %d at most", limit, mostPids)
	}
	if limit <= 0 {
		limit = -1
	}
	if in.Options.Init && limit > 0 && limit < leastWithInit {
		return hinted("leave out --init, or raise the limit", "--pids-limit %d with --init: the small init's own threads count too, "+
			"so that %d is the least", limit, leastWithInit)
	}
	res.Spec.Linux.Resources.Pids = &specs.LinuxPids{Limit: &limit}
	return nil
}

func memoryOf(res *Result) *specs.LinuxMemory {
	if res.Spec.Linux.Resources.Memory == nil {
		res.Spec.Linux.Resources.Memory = &specs.LinuxMemory{}
	}
	return res.Spec.Linux.Resources.Memory
}

// bytesOf reads Docker's sizes: a number, and maybe one of b, k, m, g, t, p,
// powers of 1024. Empty is 0, and 0 is no limit.
func bytesOf(flag, word string) (int64, error) {
	if word == "" {
		return 0, nil
	}
	n, err := units.RAMInBytes(word)
	if err != nil {
		return 0, hinted("a number with b, k, m or g, as in 64m", "%s %q: %w", flag, word, err)
	}
	if n < 0 {
		return 0, fmt.Errorf("%s %q: no machine has as much", flag, word)
	}
	return n, nil
}

// count reads a whole number from least on. Empty is 0, which is no limit.
func count(flag, word string, least int64) (int64, error) {
	if word == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(word, 10, 64)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%s %q: not a whole number", flag, word)
	case n < least:
		return 0, fmt.Errorf("%s %s: a limit is a number from %d on", flag, word, least)
	}
	return n, nil
}

// given is nil for 0, which in a config.json would mean what nobody asked for.
func given[T comparable](n T) *T {
	var zero T
	if n == zero {
		return nil
	}
	return &n
}
