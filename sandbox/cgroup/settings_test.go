package cgroup

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// resources reads linux.resources as it stands in a config.json.
func resources(t testing.TB, text string) *specs.LinuxResources {
	t.Helper()
	r := new(specs.LinuxResources)
	if err := json.Unmarshal([]byte(text), r); err != nil {
		t.Fatal(err)
	}
	return r
}

func listed(all []Setting) string {
	var lines []string
	for _, s := range all {
		line := s.File + "=" + s.Value
		if s.Else != nil {
			line += " or " + s.Else.File + "=" + s.Else.Value
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "; ")
}

func TestSettings(t *testing.T) {
	for name, tt := range map[string]struct{ config, v1, v2 string }{
		"nothing": {`{}`, "", ""},
		"memory": {
			`{"memory": {"limit": 67108864, "swap": 134217728, "reservation": 33554432}}`,
			"memory.limit_in_bytes=67108864; memory.memsw.limit_in_bytes=134217728; memory.soft_limit_in_bytes=33554432",
			"memory.max=67108864; memory.swap.max=67108864; memory.low=33554432",
		},
		"no swap": {
			`{"memory": {"limit": 67108864, "swap": 67108864}}`,
			"memory.limit_in_bytes=67108864; memory.memsw.limit_in_bytes=67108864",
			"memory.max=67108864; memory.swap.max=0",
		},
		"unlimited swap": {
			`{"memory": {"limit": 67108864, "swap": -1}}`,
			"memory.limit_in_bytes=67108864; memory.memsw.limit_in_bytes=-1",
			"memory.max=67108864; memory.swap.max=max",
		},
		"no limit again":         {`{"memory": {"limit": -1}}`, "memory.limit_in_bytes=-1", "memory.max=max"},
		"no OOM killer":          {`{"memory": {"disableOOMKiller": true}}`, "memory.oom_control=1", "memory.oom_control=1"},
		"the OOM killer as ever": {`{"memory": {"disableOOMKiller": false}}`, "", ""},
		"shares":                 {`{"cpu": {"shares": 512}}`, "cpu.shares=512", "cpu.weight=59"},
		"half a processor": {
			`{"cpu": {"quota": 50000, "period": 100000}}`,
			"cpu.cfs_period_us=100000; cpu.cfs_quota_us=50000", "cpu.max=50000 100000",
		},
		"a quota alone":     {`{"cpu": {"quota": 50000}}`, "cpu.cfs_quota_us=50000", "cpu.max=50000 100000"},
		"a period alone":    {`{"cpu": {"period": 20000}}`, "cpu.cfs_period_us=20000", "cpu.max=max 20000"},
		"no quota":          {`{"cpu": {"quota": -1}}`, "cpu.cfs_quota_us=-1", "cpu.max=max 100000"},
		"processors":        {`{"cpu": {"cpus": "0-1", "mems": "0"}}`, "cpuset.cpus=0-1; cpuset.mems=0", "cpuset.cpus=0-1; cpuset.mems=0"},
		"pids":              {`{"pids": {"limit": 20}}`, "pids.max=20", "pids.max=20"},
		"pids without end":  {`{"pids": {"limit": -1}}`, "pids.max=max", "pids.max=max"},
		"a weight at disks": {`{"blockIO": {"weight": 500}}`, "blkio.bfq.weight=500 or blkio.weight=500", "io.bfq.weight=500 or io.weight=default 4950"},
		"a rate at disks": {
			`{"blockIO": {"throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 1048576}, {"major": 8, "minor": 16, "rate": 1}],
			              "throttleWriteBpsDevice": [{"major": 8, "minor": 0, "rate": 2048}]}}`,
			"blkio.throttle.read_bps_device=8:0 1048576; blkio.throttle.read_bps_device=8:16 1; blkio.throttle.write_bps_device=8:0 2048",
			"io.max=8:0 rbps=1048576; io.max=8:16 rbps=1; io.max=8:0 wbps=2048",
		},
	} {
		r := resources(t, tt.config)
		if got := listed(Hierarchy{Version: 1}.Settings(r)); got != tt.v1 {
			t.Errorf("%s, v1:\n got %s\nwant %s", name, got, tt.v1)
		}
		if got := listed(Hierarchy{Version: 2}.Settings(r)); got != tt.v2 {
			t.Errorf("%s, v2:\n got %s\nwant %s", name, got, tt.v2)
		}
		for _, s := range append(settingsV1(r), settingsV2(r)...) {
			if s.Lack == "" && name != "unlimited swap" || s.Controller() == s.File {
				t.Errorf("%s: %+v says too little", name, s)
			}
		}
	}
	if got := (Hierarchy{Version: 1}).Settings(nil); got != nil {
		t.Errorf("no resources: %v", got)
	}
}

func TestConversions(t *testing.T) {
	for shares, want := range map[uint64]uint64{1: 1, 2: 1, 3: 2, 10: 4, 512: 59, 1024: 100, 2048: 174, 131072: 5478, 262144: 10000, 1 << 40: 10000} {
		if got := cpuWeight(shares); got != want {
			t.Errorf("cpuWeight(%d) = %d, want %d", shares, got, want)
		}
	}
	for blkio, want := range map[uint16]uint64{0: 1, 10: 1, 100: 910, 500: 4950, 1000: 10000} {
		if got := ioWeight(blkio); got != want {
			t.Errorf("ioWeight(%d) = %d, want %d", blkio, got, want)
		}
	}
	for _, c := range [][3]int64{{100, 60, 40}, {60, 60, 0}, {50, 60, 0}, {-1, 60, -1}, {100, -1, -1}} {
		if got := swapAlone(c[0], c[1]); got != c[2] {
			t.Errorf("swapAlone(%d, %d) = %d, want %d", c[0], c[1], got, c[2])
		}
	}
}

func TestMissingControllersAreNamedOnce(t *testing.T) {
	all := Hierarchy{Version: 1}.Settings(resources(t, `{"memory": {"limit": 67108864, "swap": 134217728}, "pids": {"limit": 5}, "cpu": {"shares": 5}}`))
	rest, warnings := Hierarchy{Version: 1, Trees: []Tree{{Dir: "/p", Controllers: []string{"pids"}}}}.without(all)
	if got := listed(rest); got != "pids.max=5" {
		t.Errorf("left: %s", got)
	}
	got := fmt.Sprintf("%q", warnings)
	want := fmt.Sprintf("%q", []string{
		lackMemory + " (The controller memory is not here; nothing enforces memory.limit_in_bytes, memory.memsw.limit_in_bytes.)",
		lackShares + " (The controller cpu is not here; nothing enforces cpu.shares.)",
	})
	if got != want {
		t.Errorf("warnings\n%s, want\n%s", got, want)
	}
}

func TestWhatNobodySets(t *testing.T) {
	r := resources(t, `{"memory": {"swappiness": 5, "kernel": 7}, "cpu": {"burst": 1}, "unified": {"a": "b"}, "hugepageLimits": [{"pageSize": "2MB"}]}`)
	if got := unsupported(r); len(got) != 5 || !strings.Contains(got[0], "resources.memory.kernel ") {
		t.Errorf("warnings %q", got)
	}
	if got := unsupported(resources(t, `{"memory": {"limit": 5}, "cpu": {"shares": 5}, "pids": {"limit": 5}, "blockIO": {"weight": 10}}`)); len(got) > 0 {
		t.Errorf("warnings %q", got)
	}
}
