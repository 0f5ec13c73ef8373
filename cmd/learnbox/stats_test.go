package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/sandbox/cgroup"
)

func TestStatsAreFormattedLikeDockers(t *testing.T) {
	ct := lifecycle.Container{Record: lifecycle.Record{ID: "0123456789abcdef", Name: "web"}}
	for what, tt := range map[string]struct {
		cpu   float64
		usage lifecycle.Usage
		want  row
	}{
		"busy": {
			152.346,
			lifecycle.Usage{
				Stats:    cgroup.Stats{Memory: 22 << 20, MemoryLimit: 64 << 20, Tasks: 12, Read: 1500, Written: 1_234_567},
				Received: 1296, Sent: 87_654_321,
			},
			row{"CPUPerc": "152.35%", "MemUsage": "22MiB / 64MiB", "MemPerc": "34.38%", "NetIO": "1.3kB / 87.7MB", "BlockIO": "1.5kB / 1.23MB", "PIDs": "12"},
		},
		"at rest": {0, lifecycle.Usage{}, row{"CPUPerc": "0.00%", "MemUsage": "0B / 0B", "MemPerc": "0.00%", "NetIO": "0B / 0B", "BlockIO": "0B / 0B", "PIDs": "0"}},
		"nobody counts": {
			cgroup.Uncounted,
			lifecycle.Usage{Stats: cgroup.Stats{Memory: -1, MemoryLimit: -1, Tasks: -1, Read: -1, Written: -1}},
			row{"CPUPerc": "--", "MemUsage": "-- / --", "MemPerc": "--", "NetIO": "0B / 0B", "BlockIO": "-- / --", "PIDs": "--"},
		},
	} {
		tt.want["ID"], tt.want["Container"], tt.want["Name"] = "0123456789ab", "0123456789ab", "web"
		if d := cmp.Diff(tt.want, (&statsTable{}).row(ct, tt.cpu, tt.usage)); d != "" {
			t.Errorf("%s: -want +got\n%s", what, d)
		}
	}
}

func TestProcessorTimeIsOfOneProcessor(t *testing.T) {
	start := time.Now()
	before := cpuReading{2 * time.Second, start}
	if got := (cpuReading{3 * time.Second, start.Add(500 * time.Millisecond)}).percent(before); got != 200 {
		t.Errorf("a second in half of one is %v %%, want 200", got)
	}
	if got := (cpuReading{cgroup.Uncounted, start.Add(time.Second)}).percent(cpuReading{cgroup.Uncounted, start}); got != cgroup.Uncounted {
		t.Errorf("what nobody counts is %v %%", got)
	}
	if got := before.percent(cpuReading{}); got != cgroup.Uncounted {
		t.Errorf("one reading alone is %v %%", got)
	}
}
