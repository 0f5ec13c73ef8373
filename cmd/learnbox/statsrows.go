package main

import (
	"fmt"
	"time"

	"github.com/docker/go-units"

	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/sandbox/cgroup"
)

// A statsTable makes rows of readings, and keeps of each what the next needs.
type statsTable struct {
	meter   *lifecycle.Meter
	last    map[string]cpuReading // by ID
	began   time.Time             // of the last readings
	noTrunc bool
}

// A cpuReading is how much processor time a container had used when.
type cpuReading struct {
	used time.Duration
	at   time.Time
}

// percent is the share of one processor since an earlier reading, or what nobody counts
// if there is none.
func (r cpuReading) percent(before cpuReading) float64 {
	if before.at.IsZero() || !r.at.After(before.at) || r.used == cgroup.Uncounted {
		return cgroup.Uncounted
	}
	return 100 * float64(r.used-before.used) / float64(r.at.Sub(before.at))
}

// begin takes the first readings of processor time, and finds the longest period of a quota.
func (t *statsTable) begin(list []lifecycle.Container) (longest time.Duration) {
	t.began = time.Now()
	for _, ct := range list {
		if used, period, err := t.meter.CPU(ct); err == nil && ct.State.Status.Alive() {
			t.last[ct.ID] = cpuReading{used, time.Now()}
			longest = max(longest, period)
		}
	}
	return longest
}

// rows reads and makes a row of each container. One that has ended since its list was made
// is left out.
func (t *statsTable) rows(list []lifecycle.Container) []row {
	t.began = time.Now()
	var rows []row
	last := map[string]cpuReading{}
	for _, ct := range list {
		if !ct.State.Status.Alive() {
			rows = append(rows, t.row(ct, 0, lifecycle.Usage{}))
			continue
		}
		u, err := t.meter.Usage(ct)
		if err != nil {
			continue
		}
		now := cpuReading{u.CPU, time.Now()}
		rows, last[ct.ID] = append(rows, t.row(ct, now.percent(t.last[ct.ID]), u)), now
	}
	t.last = last
	return rows
}

// row formats in Docker's units: powers of 1024 for memory, of 1000 for what is sent and
// written.
func (t *statsTable) row(ct lifecycle.Container, cpu float64, u lifecycle.Usage) row {
	binary := func(n float64) string { return units.BytesSize(n) }
	decimal := func(n float64) string { return units.HumanSizeWithPrecision(n, 3) }
	percent := func(n float64) string { return fmt.Sprintf("%.2f%%", n) }
	memory := 0.0
	switch {
	case u.Memory == cgroup.Uncounted || u.MemoryLimit == cgroup.Uncounted:
		memory = cgroup.Uncounted
	case u.MemoryLimit > 0:
		memory = 100 * float64(u.Memory) / float64(u.MemoryLimit)
	}
	id := ct.ID
	if !t.noTrunc {
		id = lifecycle.Short(id)
	}
	return row{
		"Container": id, "ID": id, "Name": ct.Name,
		"CPUPerc":  counted(percent, cpu),
		"MemUsage": counted(binary, float64(u.Memory)) + " / " + counted(binary, float64(u.MemoryLimit)),
		"MemPerc":  counted(percent, memory),
		"NetIO":    decimal(float64(u.Received)) + " / " + decimal(float64(u.Sent)),
		"BlockIO":  counted(decimal, float64(u.Read)) + " / " + counted(decimal, float64(u.Written)),
		"PIDs":     counted(func(n float64) string { return fmt.Sprint(int64(n)) }, float64(u.Tasks)),
	}
}

// counted formats a number, if somebody counts it.
func counted(format func(float64) string, n float64) string {
	if n == cgroup.Uncounted {
		return "--"
	}
	return format(n)
}
