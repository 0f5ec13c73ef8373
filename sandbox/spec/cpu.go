package spec

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func cpuOf(res *Result) *specs.LinuxCPU {
	if res.Spec.Linux.Resources.CPU == nil {
		res.Spec.Linux.Resources.CPU = &specs.LinuxCPU{}
	}
	return res.Spec.Linux.Resources.CPU
}

// Bounds of the kernel for a period and a quota, in microseconds, and its
// default (the kernel's Documentation/scheduler/sched-bwc.rst).
const (
	leastPeriod, mostPeriod = 1000, 1_000_000
	defaultPeriod           = 100_000
)

func buildCPU(in *Input, res *Result) error {
	l := &in.Options.Limits
	if l.CPUs+l.CPUShares+l.CPUPeriod+l.CPUQuota == "" {
		return nil
	}
	nano, err := nanoCPUs(in)
	if err != nil {
		return err
	}
	shares, err := count("--cpu-shares", l.CPUShares, 0)
	if err != nil {
		return err
	}
	period, err := count("--cpu-period", l.CPUPeriod, 0)
	if err != nil {
		return err
	}
	quota, err := count("--cpu-quota", l.CPUQuota, -1)
	if err != nil {
		return err
	}
	const way = "--cpus 1.5 stands for --cpu-period 100000 --cpu-quota 150000; leave out one or the other"
	switch {
	case nano > 0 && period > 0:
		return hinted(way, "--cpus with --cpu-period: Conflicting options: Nano CPUs and CPU Period cannot both be set")
	case nano > 0 && quota != 0:
		return hinted(way, "--cpus with --cpu-quota: Conflicting options: Nano CPUs and CPU Quota cannot both be set")
	case period != 0 && (period < leastPeriod || period > mostPeriod):
		return fmt.Errorf("--cpu-period %d: CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)", period)
	case quota > 0 && quota < leastPeriod:
		return fmt.Errorf("--cpu-quota %d: CPU cfs quota can not be less than 1ms (i.e. 1000)", quota)
	case nano > 0:
		period, quota = defaultPeriod, nano*defaultPeriod/1e9
	}
	if shares != 0 || period != 0 || quota != 0 {
		cpu := cpuOf(res)
		cpu.Shares, cpu.Period, cpu.Quota = given(uint64(shares)), given(uint64(period)), given(quota)
	}
	return nil
}

// nanoCPUs reads --cpus, in billionths of a processor, as Docker keeps it: 1.5, 15e-1 and
// 3/2 are the same to it (docker/cli, opts.ParseCPUs).
func nanoCPUs(in *Input) (int64, error) {
	word := in.Options.Limits.CPUs
	if word == "" {
		return 0, nil
	}
	number, ok := new(big.Rat).SetString(word)
	if !ok {
		return 0, hinted("a number of processors, as in 1.5", "--cpus %q: failed to parse as a number", word)
	}
	if number.Mul(number, big.NewRat(1e9, 1)); !number.IsInt() {
		return 0, hinted("nine digits behind the point are the most", "--cpus %q: value is too precise", word)
	}
	cpus, _, err := in.processors()
	if err != nil {
		return 0, err
	}
	available := int64(len(cpus))
	n := number.Num()
	if n.Sign() != 0 && n.Cmp(big.NewInt(1e7)) < 0 || n.Cmp(big.NewInt(available*1e9)) > 0 {
		return 0, fmt.Errorf("--cpus %s: Range of CPUs is from 0.01 to %d.00, as there are only %d CPUs available", word, available, available)
	}
	return n.Int64(), nil
}

func buildCpuset(in *Input, res *Result) error {
	l := &in.Options.Limits
	if l.CpusetCPUs+l.CpusetMems == "" {
		return nil
	}
	cpus, mems, err := in.processors()
	if err != nil {
		return err
	}
	if err := within("--cpuset-cpus", "cpuset cpus", "CPUs", l.CpusetCPUs, cpus); err != nil {
		return err
	}
	if err := within("--cpuset-mems", "cpuset mems", "memory nodes", l.CpusetMems, mems); err != nil {
		return err
	}
	cpuOf(res).Cpus, cpuOf(res).Mems = l.CpusetCPUs, l.CpusetMems
	return nil
}

// within refuses a list that names what the machine does not have.
func within(flag, what, plural, word string, available map[int]bool) error {
	wanted, err := parseList(word)
	if err != nil {
		return hinted("numbers and ranges, as in 0-2,4", "%s %q: Invalid value %s for %s", flag, word, word, what)
	}
	for n := range wanted {
		if !available[n] {
			return fmt.Errorf("%s: Requested %s are not available - requested %s, available: %s", flag, plural, word, formatList(available))
		}
	}
	return nil
}

// processors are the numbers of the processors and of the memory nodes that a
// container may be given.
func (in *Input) processors() (cpus, mems map[int]bool, err error) {
	if in.Host.Processors == nil {
		return nil, nil, fmt.Errorf("look for processors: nobody to ask")
	}
	cpuList, memList := in.Host.Processors()
	if cpus, err = parseList(cpuList); err == nil {
		mems, err = parseList(memList)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("look for processors: %w", err)
	}
	return cpus, mems, nil
}

// mostProcessors is the largest number that CONFIG_NR_CPUS may have.
const mostProcessors = 8192

// parseList reads the kernel's lists, "0-2,4" (cpuset(7), "List format").
func parseList(s string) (map[int]bool, error) {
	all := map[int]bool{}
	if s == "" {
		return all, nil
	}
	for item := range strings.SplitSeq(s, ",") {
		first, last, isRange := strings.Cut(item, "-")
		if !isRange {
			last = first
		}
		from, err := strconv.ParseUint(first, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("%q is no list of numbers", s)
		}
		to, err := strconv.ParseUint(last, 10, 16)
		if err != nil || to < from || to >= mostProcessors {
			return nil, fmt.Errorf("%q is no list of numbers", s)
		}
		for n := from; n <= to; n++ {
			all[int(n)] = true
		}
	}
	return all, nil
}

// formatList writes a list as the kernel does.
func formatList(all map[int]bool) string {
	var items []string
	for n := 0; n < mostProcessors; n++ {
		if !all[n] {
			continue
		}
		from := n
		for all[n+1] {
			n++
		}
		if from == n {
			items = append(items, fmt.Sprint(n))
		} else {
			items = append(items, fmt.Sprintf("%d-%d", from, n))
		}
	}
	return strings.Join(items, ",")
}
