package cgroup

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// groupOf is a group whose files are those that a kernel had once.
func groupOf(t *testing.T, version int, files map[string]string) *Group {
	t.Helper()
	dir := t.TempDir()
	h := Hierarchy{Version: version}
	if err := os.Mkdir(filepath.Join(dir, "box"), 0o700); err != nil {
		t.Fatal(err)
	}
	controllers := map[string]bool{}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, "box", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		controllers[Setting{File: name}.Controller()] = true
	}
	h.Trees = []Tree{{Dir: dir, Controllers: slices.Sorted(maps.Keys(controllers)), root: "/"}}
	g, err := Open(h, "box")
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// What files of both versions hold, abridged but for the lines that count.
var (
	filesV1 = map[string]string{
		"cpuacct.usage":         "1204963911\n",
		"memory.usage_in_bytes": "22294528\n",
		"memory.stat": "cache 20971520\nrss 348160\ninactive_anon 348160\ninactive_file 4096\nactive_file 0\n" +
			"hierarchical_memory_limit 67108864\ntotal_cache 20971520\ntotal_rss 348160\ntotal_inactive_file 20971520\ntotal_active_file 0\n",
		"memory.limit_in_bytes": "67108864\n",
		"memory.oom_control":    "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
		"pids.current":          "3\n",
		"pids.events":           "max 7\n",
		"cpu.stat":              "nr_periods 64\nnr_throttled 34\nthrottled_time 2310402151\nnr_bursts 0\nburst_time 0\n",
		"blkio.throttle.io_service_bytes_recursive": "253:0 Read 4096\n253:0 Write 1048576\n253:0 Sync 1052672\n253:0 Async 0\n253:0 Discard 0\n253:0 Total 1052672\n" +
			"7:1 Read 512\n7:1 Write 0\n7:1 Sync 512\n7:1 Async 0\n7:1 Discard 0\n7:1 Total 512\nTotal 1053184\n",
	}
	filesV2 = map[string]string{
		"cpu.stat":       "usage_usec 1204963\nuser_usec 904963\nsystem_usec 300000\nnr_periods 64\nnr_throttled 34\nthrottled_usec 2310402\n",
		"memory.current": "22294528\n",
		"memory.stat":    "anon 348160\nfile 20971520\nkernel 974848\ninactive_anon 348160\nactive_anon 0\ninactive_file 20971520\nactive_file 0\n",
		"memory.max":     "67108864\n",
		"memory.events":  "low 0\nhigh 0\nmax 41\noom 2\noom_kill 2\noom_group_kill 0\n",
		"pids.current":   "3\n",
		"pids.events":    "max 7\n",
		"io.stat":        "253:0 rbytes=4096 wbytes=1048576 rios=1 wios=2 dbytes=0 dios=0\n7:1 rbytes=512 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n",
	}
)

func TestStats(t *testing.T) {
	for what, tt := range map[string]struct {
		version int
		files   map[string]string
		cpu     time.Duration
	}{
		"version 1": {1, filesV1, 1204963911},
		"version 2": {2, filesV2, 1204963 * time.Microsecond},
	} {
		t.Run(what, func(t *testing.T) {
			g := groupOf(t, tt.version, tt.files)
			got, err := g.Stats()
			if err != nil {
				t.Fatal(err)
			}
			want := Stats{CPU: tt.cpu, Memory: 22294528 - 20971520, MemoryLimit: 64 << 20, Tasks: 3, Read: 4608, Written: 1 << 20}
			if d := cmp.Diff(want, got); d != "" {
				t.Error("-want +got\n" + d)
			}
			if cpu, err := g.CPU(); cpu != tt.cpu || err != nil {
				t.Errorf("CPU %v, %v, want %v", cpu, err, tt.cpu)
			}
			if d := cmp.Diff(Count{OOMKills: 2, ForksRefused: 7, Throttled: 34, Periods: 64}, g.Count()); d != "" {
				t.Error("-want +got\n" + d)
			}
		})
	}
}

// Version 1 counts a victim in its own group, version 2 in those above, too.
func TestOOMKillsOfGroupsBelow(t *testing.T) {
	for version, files := range map[int]map[string]string{1: filesV1, 2: filesV2} {
		g := groupOf(t, version, files)
		want := map[int]int64{1: 2 + 5 + 1, 2: 2}[version]
		for below, kills := range map[string]int{"in": 5, "in/side": 1} {
			dir := filepath.Join(g.Dirs()[0], below)
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, g.oomFile()), fmt.Appendf(nil, "oom_kill %d\n", kills), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := g.OOMKills(); got != want {
			t.Errorf("version %d: %d, want %d", version, got, want)
		}
	}
}

// Only where the kernel may not kill does a group stand at its limit for longer than a moment.
func TestStandingAtALimit(t *testing.T) {
	for text, want := range map[string]bool{
		"oom_kill_disable 1\nunder_oom 1\noom_kill 0\n": true,
		"oom_kill_disable 1\nunder_oom 0\noom_kill 0\n": false,
		"oom_kill_disable 0\nunder_oom 1\noom_kill 0\n": false,
	} {
		now := groupOf(t, 1, map[string]string{"memory.oom_control": text}).Count()
		if now.Stands != want {
			t.Errorf("%q: stands %v", text, now.Stands)
		}
		if oom, _, _ := now.Grew(Count{}); oom != want {
			t.Errorf("%q: since before, out of memory %v", text, oom)
		}
		if oom, _, _ := now.Grew(now); oom {
			t.Errorf("%q: it is news once more", text)
		}
	}
}

func TestPidsLeft(t *testing.T) {
	for what, tt := range map[string]struct {
		above, own string // pids.max, or "" without the file
		want       int64
	}{
		"no limits":                 {"", "max", math.MaxInt64 - 3},
		"its own":                   {"max", "10", 7},
		"the one above":             {"9", "max", 6},
		"both":                      {"9", "4", 1},
		"more than that":            {"9", "2", 0},
		"without files, as the top": {"", "", math.MaxInt64},
	} {
		g := groupOf(t, 1, map[string]string{"pids.current": "3\n"})
		for dir, limit := range map[string]string{"": tt.above, "box": tt.own} {
			dir = filepath.Join(g.h.Trees[0].Dir, dir)
			if limit == "" {
				continue
			}
			for file, text := range map[string]string{"pids.max": limit, "pids.current": "3"} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got := g.PidsLeft(); got != tt.want {
			t.Errorf("%s: %d, want %d", what, got, tt.want)
		}
	}
}

// The period counts only where there is a quota.
func TestPeriodOfTheQuota(t *testing.T) {
	for what, tt := range map[string]struct {
		version int
		files   map[string]string
		want    time.Duration
	}{
		"version 1":               {1, map[string]string{"cpu.cfs_quota_us": "10000\n", "cpu.cfs_period_us": "20000\n"}, 20 * time.Millisecond},
		"version 1 without quota": {1, map[string]string{"cpu.cfs_quota_us": "-1\n", "cpu.cfs_period_us": "100000\n"}, 0},
		"version 1 without files": {1, map[string]string{"cpu.stat": ""}, 0},
		"version 2":               {2, map[string]string{"cpu.max": "10000 20000\n"}, 20 * time.Millisecond},
		"version 2 without quota": {2, map[string]string{"cpu.max": "max 100000\n"}, 0},
		"version 2 without files": {2, map[string]string{"cpu.stat": ""}, 0},
	} {
		if got := groupOf(t, tt.version, tt.files).Period(); got != tt.want {
			t.Errorf("%s: %v, want %v", what, got, tt.want)
		}
	}
}

// A group to which the one above hands no controllers down, and one without limits.
func TestWhatNobodyCounts(t *testing.T) {
	got, err := groupOf(t, 2, map[string]string{"cpu.stat": "usage_usec 5\nuser_usec 5\nsystem_usec 0\n"}).Stats()
	want := Stats{CPU: 5 * time.Microsecond, Memory: Uncounted, MemoryLimit: Uncounted, Tasks: Uncounted, Read: Uncounted, Written: Uncounted}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v, -want +got\n%s", err, d)
	}
	withoutCpuacct := maps.Clone(filesV1)
	delete(withoutCpuacct, "cpuacct.usage")
	if got, err := groupOf(t, 1, withoutCpuacct).Stats(); got.CPU != Uncounted || got.Tasks != 3 || err != nil {
		t.Errorf("without cpuacct: processor time %d, %d tasks, %v", got.CPU, got.Tasks, err)
	}
	unlimited := maps.Clone(filesV2)
	unlimited["memory.max"] = "max\n"
	if got, err := groupOf(t, 2, unlimited).Stats(); got.MemoryLimit != 1<<63-1 || err != nil {
		t.Errorf("limit %d, %v, want the largest", got.MemoryLimit, err)
	}
}

func TestStatsOfAGroupThatIsGone(t *testing.T) {
	for controller, version := range map[string]int{"cpuacct": 1, "memory": 1, "cpu": 2} {
		g, err := Open(Hierarchy{Version: version, Trees: []Tree{{Dir: t.TempDir(), Controllers: []string{controller}}}}, "box")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.Stats(); err == nil {
			t.Errorf("version %d with %s: no error", version, controller)
		}
	}
}
