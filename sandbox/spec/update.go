package spec

import (
	"fmt"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Update changes the limits of a container that was made before: present, of its
// config.json, with what the user says about them now. What he leaves out, or says 0 for,
// stays as it is, as in Docker. The rules are those of Build. init says that the container
// has a small init.
func Update(present *specs.LinuxResources, l Limits, host Host, init bool) (*specs.LinuxResources, error) {
	var next specs.LinuxResources
	if present != nil {
		next = *present
	}
	if err := l.keepMemory(next.Memory); err != nil {
		return nil, err
	}
	in := &Input{Options: Options{Limits: l, Init: init}, Host: host}
	res := &Result{Spec: &specs.Spec{Linux: &specs.Linux{Resources: &specs.LinuxResources{}}}}
	for _, topic := range []func(*Input, *Result) error{buildMemory, buildPids, buildCPU, buildCpuset, buildBlockIO} {
		if err := topic(in, res); err != nil {
			return nil, err
		}
	}
	said := res.Spec.Linux.Resources
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
