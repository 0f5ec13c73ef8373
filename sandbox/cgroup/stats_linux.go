package cgroup

import (
	"math"
	"path/filepath"
	"time"
)

// Stats reads them. An error is that of a group which is gone; what is only not
// counted is Uncounted.
func (g *Group) Stats() (Stats, error) {
	if g.h.Version == 2 {
		return g.statsV2()
	}
	return g.statsV1()
}

// CPU is the processor time of Stats alone.
func (g *Group) CPU() (time.Duration, error) {
	if g.h.Version == 2 {
		return g.cpuV2()
	}
	return g.cpuV1()
}

// Period is the period of its CPU quota, after which a group that had used it up may run
// again; 0 for one without.
func (g *Group) Period() time.Duration {
	if g.h.Version == 2 {
		return g.periodV2()
	}
	return g.periodV1()
}

// Count reads them. What nobody counts is 0: it does not grow.
func (g *Group) Count() Count {
	cpu := g.keys("cpu.stat")
	return Count{
		OOMKills:     g.OOMKills(),
		Stands:       g.stands(),
		ForksRefused: g.keys("pids.events")["max"],
		Throttled:    cpu["nr_throttled"],
		Periods:      cpu["nr_periods"],
	}
}

// OOMKills is how many processes of the group, or of groups below it, the
// kernel has killed because a limit of memory was reached. A machine or a group
// that does not count them has none.
func (g *Group) OOMKills() int64 {
	if g.h.Version == 2 {
		return g.keys(g.oomFile())["oom_kill"]
	}
	return oomKillsV1(g.h.Dir("memory") + "/" + g.Path)
}

// PidsLeft is how many processes and threads the group may have more, by its own limit and by
// those of the groups above.
func (g *Group) PidsLeft() int64 {
	left := int64(math.MaxInt64)
	for path := g.Path; ; path = filepath.Dir(path) {
		above := Group{Path: path, h: g.h}
		if limit := above.number("pids.max"); limit != Uncounted {
			left = min(left, limit-above.number("pids.current"))
		}
		if path == "." {
			return max(left, 0)
		}
	}
}

// oomFile is where they are counted.
func (g *Group) oomFile() string {
	if g.h.Version == 1 {
		return "memory.oom_control"
	}
	return "memory.events"
}

// number reads a file with one number. It is Uncounted where there is no such file.
func (g *Group) number(file string) int64 {
	text, err := readFile(g.file(Setting{File: file}))
	if err != nil {
		return Uncounted
	}
	n, err := parseCount(text)
	if err != nil {
		return Uncounted
	}
	return n
}

// keys reads a file of lines "key value"; one that does not exist has none.
func (g *Group) keys(file string) map[string]int64 {
	text, err := readFile(g.file(Setting{File: file}))
	if err != nil {
		return nil
	}
	return parseKeys(text)
}
