package cgroup

import (
	"strings"
	"time"
)

// statsV2 reads what a group of version 2 uses, all from its one directory (the
// kernel's Documentation/admin-guide/cgroup-v2.rst). Files of a controller that
// the group above did not hand down are not there, but for cpu.stat, which always is.
func (g *Group) statsV2() (s Stats, err error) {
	if s.CPU, err = g.cpuV2(); err != nil {
		return s, err
	}

	// memory.current has the page cache in it, as on version 1. Numbers of a group
	// contain those of the groups below.
	s.Memory = g.number("memory.current")
	if inactive := g.keys("memory.stat")["inactive_file"]; inactive < s.Memory {
		s.Memory -= inactive
	}
	s.MemoryLimit = g.number("memory.max") // "max" is none
	s.Tasks = g.number("pids.current")

	s.Read, s.Written = Uncounted, Uncounted
	text, err := readFile(g.file(Setting{File: "io.stat"}))
	if err == nil {
		s.Read, s.Written = diskBytesV2(text)
	}
	return s, nil
}

// cpuV2 is in microseconds there.
func (g *Group) cpuV2() (time.Duration, error) {
	text, err := readFile(g.Dirs()[0] + "/cpu.stat")
	return time.Duration(parseKeys(text)["usage_usec"]) * time.Microsecond, err
}

// periodV2 reads "50000 100000", or "max 100000" where there is no quota.
func (g *Group) periodV2() time.Duration {
	text, err := readFile(g.file(Setting{File: "cpu.max"}))
	quota, period, _ := strings.Cut(text, " ")
	n, countErr := parseCount(period)
	if err != nil || countErr != nil || quota == "max" {
		return 0
	}
	return time.Duration(n) * time.Microsecond
}

// diskBytesV2 adds up the disks, a line for each.
//
//	253:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0
func diskBytesV2(text string) (read, written int64) {
	for field := range strings.FieldsSeq(text) {
		key, value, _ := strings.Cut(field, "=")
		n, err := parseCount(value)
		switch {
		case err != nil:
		case key == "rbytes":
			read += n
		case key == "wbytes":
			written += n
		}
	}
	return read, written
}
