package cgroup

import (
	"strconv"
	"strings"
	"time"
)

// Uncounted is the value of what nobody counts on this machine: the controller is
// not there, or on version 2 was not handed down to the group.
const Uncounted = -1

// Stats are what a group and the groups below it use, or have used since the group
// was made. Sizes are in bytes.
type Stats struct {
	CPU         time.Duration // processor time, of all processors together; it, too, may be Uncounted
	Memory      int64         // without the page cache that the kernel can drop at any time
	MemoryLimit int64         // of the group, math.MaxInt64 or nearly that if it has none
	Tasks       int64         // processes and threads
	Read        int64         // from disks
	Written     int64         // to disks
}

// A Count is how often something has happened in a group that a limit brought about.
type Count struct {
	OOMKills     int64 // processes that the kernel killed at a limit of memory
	Stands       bool  // at a limit of memory, where the kernel may not kill: whoever wants some waits
	ForksRefused int64 // at a limit of processes
	Throttled    int64 // periods in which the quota of processor time was used up
	Periods      int64 // all periods in which the group wanted to run
}

// Grew reports what has become more since before.
func (c Count) Grew(before Count) (oom, pids, throttled bool) {
	return c.OOMKills > before.OOMKills || c.Stands && !before.Stands, c.ForksRefused > before.ForksRefused, c.Throttled > before.Throttled
}

// parseKeys reads lines "key value".
func parseKeys(text string) map[string]int64 {
	found := map[string]int64{}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if n, err := parseCount(value); err == nil {
			found[key] = n
		}
	}
	return found
}

// parseCount reads a number of the kernel's, and max as the largest.
func parseCount(word string) (int64, error) {
	if word == "max" {
		return 1<<63 - 1, nil
	}
	return strconv.ParseInt(word, 10, 64)
}
