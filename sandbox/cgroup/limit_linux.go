package cgroup

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Limit sets what r says: rules for devices, and limits. The warnings name what
// of r is not kept to. It may be called for a group with processes in it.
func (g *Group) Limit(r *specs.LinuxResources) (warnings []string, err error) {
	if r == nil {
		return nil, nil
	}
	if err := g.limitDevices(r.Devices); err != nil {
		return nil, fmt.Errorf("limit cgroup %s: %w", g.Path, err)
	}
	if all := g.h.Settings(r); len(all) > 0 {
		if warnings, err = g.set(all); err != nil {
			return nil, fmt.Errorf("limit cgroup %s: %w", g.Path, err)
		}
	}
	return append(warnings, unsupported(r)...), nil
}

func (g *Group) limitDevices(list []specs.LinuxDeviceCgroup) error {
	rules, err := deviceRules(list)
	if err != nil {
		return err
	}
	if n := len(rules); n == 0 || rules[n-1].isDefault() && rules[n-1].allow {
		return nil // everything is allowed: that is so without rules
	}
	if g.h.Version == 2 {
		return g.limitDevicesV2(rules)
	}
	return g.limitDevicesV1(rules)
}

// set writes settings one after the other.
func (g *Group) set(all []Setting) (warnings []string, err error) {
	all, warnings = g.h.without(all)
	if g.h.Version == 2 {
		if err := g.enable(all); err != nil {
			return nil, err
		}
	}
	for i, s := range all {
		err := g.write(s)
		if errors.Is(err, unix.EINVAL) && s.File == "memory.limit_in_bytes" && i+1 < len(all) {
			err = g.setMemoryV1(s, all[i+1])
		}
		switch {
		case errors.Is(err, unix.ENOENT) && s.Lack == "":
		case errors.Is(err, unix.ENOENT):
			warnings = append(warnings, s.Lack)
		case err != nil:
			return nil, &limitError{s, err}
		}
	}
	return slices.Compact(warnings), nil
}

// write writes one setting, into the first of its files that exists.
func (g *Group) write(s Setting) error {
	err := writeFile(g.file(s), s.Value)
	if errors.Is(err, unix.ENOENT) && s.Else != nil {
		return g.write(*s.Else)
	}
	return err
}

func (g *Group) file(s Setting) string {
	return g.h.Dir(s.Controller()) + "/" + g.Path + "/" + s.File
}

// A limitError is a limit that the kernel refuses.
type limitError struct {
	setting Setting
	error
}

func (e *limitError) Unwrap() error { return e.error }

// Hint says what the refusal means at this file.
func (e *limitError) Hint() string {
	file, kind := e.setting.File, e.setting.Controller()
	is := func(errnos ...error) bool {
		return slices.ContainsFunc(errnos, func(n error) bool { return errors.Is(e.error, n) })
	}
	switch {
	case file == subtreeControl && is(unix.EBUSY, unix.EOPNOTSUPP):
		return "a group of version 2 has either processes or limited groups below it (cgroups(7)): choose a --cgroup-parent without processes"
	case file == subtreeControl && is(unix.ENOENT):
		return "the group above was not given this controller; see its cgroup.controllers"
	case is(unix.EROFS, unix.EPERM) || is(unix.EACCES) && kind != "cpuset":
		return "the cgroup file systems are read-only here, or somebody else's: run learnbox as root and outside of other containers"
	case kind == "memory" && is(unix.EBUSY):
		return "the container uses more than that already: raise the limit"
	case kind == "memory" && is(unix.EINVAL):
		return "memory with swap must not be below memory alone, nor above what the group above may use"
	case kind == "cpu":
		return "a period is 1000 to 1000000 µs, a quota 1000 µs or more, and their ratio not above that of the group above"
	case kind == "cpuset" && is(unix.EBUSY):
		return "a group below uses some of the others: the container has made one; see cpuset.cpus there"
	case kind == "cpuset":
		return "the group above may not use these; see cpuset.cpus and cpuset.mems there"
	case strings.HasPrefix(file, "blkio.throttle") || file == "io.max":
		return "only a whole disk can be limited, no partition and no directory; lsblk lists them"
	}
	return ""
}

// setMemoryV1 raises both limits of memory: the outer one first, so that it is
// never below the inner one.
func (g *Group) setMemoryV1(limit, next Setting) error {
	if next.File != "memory.memsw.limit_in_bytes" {
		return g.write(limit)
	}
	if err := g.write(next); err != nil {
		return err
	}
	return g.write(limit)
}

// Has reports whether the group has a file.
func (g *Group) Has(file string) bool {
	_, err := readFile(g.file(Setting{File: file}))
	return err == nil
}
