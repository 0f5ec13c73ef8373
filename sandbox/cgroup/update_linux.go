package cgroup

import (
	"errors"
	"fmt"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Update writes the limits of r that can be changed while a container runs, and calls
// keep, which writes them down: all of it or, if the kernel refuses a limit or keep
// fails, nothing. The warnings are those of Limit.
func (g *Group) Update(r *specs.LinuxResources, keep func() error) (warnings []string, err error) {
	all, _ := g.h.without(g.h.Settings(changeable(r)))
	if g.h.Version == 2 {
		if err := g.enable(all); err != nil { // now there are the files of which to read what was before
			return nil, fmt.Errorf("limit cgroup %s: %w", g.Path, err)
		}
	}
	before := g.present(all)
	restore, err := g.makeRoom(all)
	if err == nil {
		warnings, err = g.set(g.h.Settings(changeable(r)))
		if err == nil {
			err = keep()
		}
		if err != nil {
			_, undone := g.set(before) // by the same rules of order
			err = errors.Join(err, undone)
		}
		err = errors.Join(err, restore())
	}
	if err != nil {
		return nil, fmt.Errorf("limit cgroup %s: %w", g.Path, err)
	}
	return warnings, nil
}

// changeable leaves out what no verb changes later: what is not one value in a file
// cannot be put back by writing what was read.
func changeable(r *specs.LinuxResources) *specs.LinuxResources {
	c := &specs.LinuxResources{CPU: r.CPU, Pids: r.Pids}
	if r.Memory != nil {
		m := *r.Memory
		m.DisableOOMKiller = nil
		c.Memory = &m
	}
	if r.BlockIO != nil {
		c.BlockIO = &specs.LinuxBlockIO{Weight: r.BlockIO.Weight}
	}
	return c
}

// present is what stands in the files of settings now. A newline makes a write of the
// empty value, which is that of cpuset.cpus on version 2.
func (g *Group) present(all []Setting) []Setting {
	var now []Setting
	for _, s := range all {
		text, err := readFile(g.file(s))
		if err != nil && s.Else != nil {
			s = *s.Else
			text, err = readFile(g.file(s))
		}
		if err == nil {
			first, _, _ := strings.Cut(text, "\n") // weights have a line for each disk behind it
			now = append(now, Setting{File: s.File, Value: first + "\n"})
		}
	}
	return now
}

// makeRoom takes memory away from a group of version 2 before its limit falls below
// what it uses. Version 1 does so by itself, and refuses the limit (EBUSY) where it
// cannot; version 2 would accept it and kill a process. Above memory.high the kernel
// takes back what it can, and kills nobody (cgroup-v2.rst, "memory.high").
func (g *Group) makeRoom(all []Setting) (restore func() error, err error) {
	const high = "memory.high"
	for _, s := range all {
		limit, notANumber := parseCount(s.Value)
		if s.File != "memory.max" || notANumber != nil || g.number("memory.current") <= limit {
			continue
		}
		before := g.present([]Setting{{File: high}})
		if err := g.write(Setting{File: high, Value: s.Value}); err != nil {
			return nil, &limitError{s, err}
		}
		restore = func() error { _, err := g.set(before); return err }
		if left := g.number("memory.current"); left > limit {
			err = &limitError{s, fmt.Errorf("memory.max = %d, but memory.current is still %d: %w", limit, left, unix.EBUSY)}
			return nil, errors.Join(err, restore())
		}
		return restore, nil
	}
	return func() error { return nil }, nil
}
