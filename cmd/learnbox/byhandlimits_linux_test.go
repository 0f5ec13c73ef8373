package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/learnbox/learnbox/internal/privtest"
	"github.com/learnbox/learnbox/sandbox/cgroup"
)

// TestLimitsByHand has a shell execute the lines that learnbox explain shows for limits, as far
// as this machine has their files, and in the group of a container that has no limits.
func TestLimitsByHand(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	b.must(t, "run", "-d", "--name", "box", "tiny", "sleep", "1000")
	h, err := cgroup.Detect()
	if err != nil {
		t.Fatal(err)
	}
	group := h.PathOf(strings.TrimSpace(b.must(t, "inspect", "-f", "{{.Id}}", "box")))
	targets := regexp.MustCompile(`>(/\S+?)"\$group"(/[a-z_.]+)`)
	executed := map[string]bool{}
	for _, step := range []string{"cgroup.limit", "limits.pids"} {
		for line := range strings.SplitSeq(byHandText(step), "\n") {
			if strings.Contains(line, "8:0") {
				continue // the machine may have no such disk
			}
			for _, m := range targets.FindAllStringSubmatch(line, -1) {
				if _, err := os.Stat(m[1] + group + m[2]); err != nil {
					continue
				}
				cmd := b.command(t, "sh", "-ec", line)
				cmd.Env = append(cmd.Env, "group="+group)
				if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
					t.Errorf("%s: %v\n%s", line, err, out)
				}
				executed[m[2]] = true
			}
		}
	}
	files := []string{"/pids.max", "/memory.max", "/cpu.max"}
	if h.Version == 1 {
		files = []string{"/pids.max", "/cpuset.cpus", "/memory.limit_in_bytes", "/cpu.cfs_quota_us", "/devices.allow"}
	}
	for _, file := range files {
		if !executed[file] {
			t.Errorf("no line has written %s", file)
		}
	}
	b.must(t, "rm", "-f", "box")
	b.nothingLeft(t)
}
