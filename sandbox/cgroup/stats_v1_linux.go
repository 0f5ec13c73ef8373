package cgroup

import (
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// statsV1 reads what a group of version 1 uses, each number from the tree of its
// controller (the kernel's Documentation/admin-guide/cgroup-v1).
func (g *Group) statsV1() (s Stats, err error) {
	if s.CPU, err = g.cpuV1(); err != nil {
		return s, err
	}

	// memory.usage_in_bytes has the page cache in it: each file that was read once
	// counts until the kernel needs the room. What of it has not been used for long is
	// inactive; the rest is what is said to be used, as in Docker and cAdvisor. The
	// keys with total_ are those of the groups below, too.
	s.Memory = g.number("memory.usage_in_bytes")
	if inactive := g.keys("memory.stat")["total_inactive_file"]; inactive < s.Memory {
		s.Memory -= inactive
	}
	s.MemoryLimit = g.number("memory.limit_in_bytes") // nearly 2^63 is none
	s.Tasks = g.number("pids.current")

	s.Read, s.Written = Uncounted, Uncounted
	text, err := readFile(g.file(Setting{File: "blkio.throttle.io_service_bytes_recursive"}))
	if err == nil {
		s.Read, s.Written = diskBytesV1(text)
	}
	return s, nil
}

// cpuV1 is in nanoseconds there. A machine without the controller cpuacct counts none;
// then another tree has to say whether the group is gone.
func (g *Group) cpuV1() (time.Duration, error) {
	if g.h.Dir("cpuacct") == "" {
		if !g.Exists() {
			return 0, fmt.Errorf("cgroup %s: %w", g.Path, fs.ErrNotExist)
		}
		return Uncounted, nil
	}
	file := g.file(Setting{File: "cpuacct.usage"})
	text, err := readFile(file)
	if err != nil {
		return 0, err
	}
	n, err := parseCount(text)
	return time.Duration(n), err
}

func (g *Group) periodV1() time.Duration {
	if g.number("cpu.cfs_quota_us") <= 0 { // -1 is none
		return 0
	}
	return time.Duration(g.number("cpu.cfs_period_us")) * time.Microsecond
}

// oomKillsV1 adds up a group and the groups below it: on version 1 the kernel counts a
// victim in its own group only. What a group had counted goes with it when it is removed.
func oomKillsV1(dir string) int64 {
	text, err := readFile(dir + "/memory.oom_control")
	if err != nil {
		return 0
	}
	kills := parseKeys(text)["oom_kill"]
	children, _ := childrenOf(dir) // one that is being removed counts nothing any more
	for _, child := range children {
		kills += oomKillsV1(child)
	}
	return kills
}

// stands is false on version 2, where nobody can forbid the kernel to kill.
func (g *Group) stands() bool {
	oom := g.keys("memory.oom_control")
	return oom["oom_kill_disable"] == 1 && oom["under_oom"] == 1
}

// diskBytesV1 adds up the disks: a line for each disk and each kind of access.
//
//	253:0 Read 4096
//	253:0 Write 8192
//	253:0 Total 12288
//	Total 12288
func diskBytesV1(text string) (read, written int64) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			continue
		}
		n, err := parseCount(fields[2])
		switch {
		case err != nil:
		case fields[1] == "Read":
			read += n
		case fields[1] == "Write":
			written += n
		}
	}
	return read, written
}
