package spec

import (
	"fmt"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Update changes the limits of a container that was made before: present, of its
// config.json, with what the user says about them now. What he leaves out, or says 0 for,
// stays as it is, as in Docker. The rules are those of Build. made is what the user said when
// the container was made; of it Init and Limits count.
func Update(present *specs.LinuxResources, l Limits, host Host, made Options) (*specs.LinuxResources, error) {
	var next specs.LinuxResources
	if present != nil {
		next = *present
	}
	if err := l.keepMemory(next.Memory); err != nil {
		return nil, err
	}
	in := &Input{Options: Options{Limits: l, Init: made.Init}, Host: host}
	res := &Result{Spec: &specs.Spec{Linux: &specs.Linux{Resources: &specs.LinuxResources{}}}}
	for _, topic := range []func(*Input, *Result) error{buildMemory, buildPids, buildCPU, buildCpuset, buildBlockIO} {
		if err := topic(in, res); err != nil {
			return nil, err
		}
	}
	said := res.Spec.Linux.Resources
	if err := keepCPU(next.CPU, made.Limits, said.CPU, l); err != nil {
		return nil, err
	}
	if m := said.Memory; m != nil {
		next.Memory = copied(next.Memory)
		replace(&next.Memory.Limit, m.Limit)
		replace(&next.Memory.Swap, m.Swap)
		replace(&next.Memory.Reservation, m.Reservation)
	}
	if c := said.CPU; c != nil {
		next.CPU = copied(next.CPU)
		replace(&next.CPU.Shares, c.Shares)
		replace(&next.CPU.Quota, c.Quota)
		replace(&next.CPU.Period, c.Period)
		if c.Cpus != "" {
			next.CPU.Cpus = c.Cpus
		}
		if c.Mems != "" {
			next.CPU.Mems = c.Mems
		}
	}
	replace(&next.Pids, said.Pids)
	if b := said.BlockIO; b != nil {
		next.BlockIO = copied(next.BlockIO)
		replace(&next.BlockIO.Weight, b.Weight)
	}
	return &next, nil
}

// keepMemory says the present values where the user says nothing: those of memory are
// judged together.
func (l *Limits) keepMemory(m *specs.LinuxMemory) error {
	if m == nil || l.Memory+l.MemorySwap+l.MemoryReservation == "" {
		return nil
	}
	limit, err := bytesOf("--memory", l.Memory)
	if err != nil {
		return err
	}
	if m.Swap != nil && *m.Swap > 0 && limit > *m.Swap && (l.MemorySwap == "" || l.MemorySwap == "0") {
		return hinted(fmt.Sprintf("--memory-swap is memory and swap together, and is %d now; -1 is any", *m.Swap),
			"--memory %s: Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time", l.Memory)
	}
	for _, v := range []struct {
		word    *string
		present *int64
	}{{&l.Memory, m.Limit}, {&l.MemorySwap, m.Swap}, {&l.MemoryReservation, m.Reservation}} {
		if (*v.word == "" || *v.word == "0") && v.present != nil {
			*v.word = fmt.Sprint(*v.present)
		}
	}
	return nil
}

// ByCPUs reports whether quota and period are those of --cpus. made is what the user said when
// the container was made: then both may have been said one by one, too. An update may have
// set them so later; whoever says the kernel's own period might as well have said --cpus.
func ByCPUs(c *specs.LinuxCPU, made Limits) bool {
	zero := func(word string) bool { return word == "" || word == "0" }
	return c != nil && c.Period != nil && *c.Period == defaultPeriod && c.Quota != nil && zero(made.CPUPeriod) && zero(made.CPUQuota)
}

// keepCPU refuses to change one of quota and period where --cpus has set both, and the other
// way round: half of what was said before would be left, and mean something else (moby,
// container/container_unix.go, UpdateContainer).
func keepCPU(present *specs.LinuxCPU, made Limits, said *specs.LinuxCPU, l Limits) error {
	if present == nil || said == nil {
		return nil
	}
	had, has := ByCPUs(present, made), ByCPUs(said, l)
	const again, apart = "--cpus once more sets both", "--cpu-quota and --cpu-period change them; --cpus 1.5 stands for a quota of 150000 in a period of 100000"
	switch {
	case has && !had && present.Period != nil:
		return hinted(apart, "--cpus %s: Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set", l.CPUs)
	case has && !had && present.Quota != nil && *present.Quota > 0:
		return hinted(apart, "--cpus %s: Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set", l.CPUs)
	case had && !has && said.Period != nil:
		return hinted(again, "--cpu-period %s: Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set", l.CPUPeriod)
	case had && !has && said.Quota != nil && *said.Quota > 0:
		return hinted(again, "--cpu-quota %s: Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set", l.CPUQuota)
	}
	return nil
}

// copied is a copy of what p points to, or of nothing.
func copied[T any](p *T) *T {
	var v T
	if p != nil {
		v = *p
	}
	return &v
}

func replace[T any](present **T, said *T) {
	if said != nil {
		*present = said
	}
}
