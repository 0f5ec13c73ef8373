package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/learnbox/learnbox/internal/privtest"
)

// TestSystemdLeavesLimitsAlone reloads and restarts systemd, and has it make and
// remove limited groups of its own, while containers with limits run.
func TestSystemdLeavesLimitsAlone(t *testing.T) {
	privtest.Require(t, "vm") // a machine to throw away
	privtest.NoTrace(t)
	b := newBench(t)
	limits := []string{
		"-m", "64m", "--memory-reservation", "32m", "--cpus", "0.5", "--cpu-shares", "512", "--cpuset-cpus", "0",
		"--pids-limit", "50", "--device-read-bps", "/dev/vda:1mb", "tiny", "sleep", "1000",
	}
	b.must(t, append([]string{"run", "-d", "--name", "alone"}, limits...)...)
	b.must(t, append([]string{"run", "-d", "--name", "below", "--cgroup-parent", "learnbox-test"}, limits...)...)
	before := limitsOf(t, b, "alone") + limitsOf(t, b, "below")
	for _, limit := range []string{"memory.max 67108864", "cpu.max 50000 100000", "cpuset.cpus 0", "pids.max 50", "rbps=1048576"} {
		if strings.Count(before, limit) != 2 {
			t.Fatalf("%q is not there twice:\n%s", limit, before)
		}
	}
	for _, command := range []string{
		"systemctl daemon-reload",
		"systemctl daemon-reexec",
		"systemd-run -q --unit=learnbox-test -p MemoryMax=50M -p CPUWeight=50 -p IOWeight=50 -p AllowedCPUs=0 -p TasksMax=5 sleep 1000",
		"systemctl stop learnbox-test",
		"systemd-run -q --slice=learnbox-test-below --scope -p CPUQuota=20% true",
		"systemctl daemon-reload",
	} {
		if out, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", command, err, out)
		}
		if after := limitsOf(t, b, "alone") + limitsOf(t, b, "below"); after != before {
			t.Errorf("after %s:\n%swant\n%s", command, after, before)
		}
	}
	b.must(t, "rm", "-f", "alone", "below")
	b.nothingLeft(t)
}

// limitsOf is what stands in the files of a container's group.
func limitsOf(t *testing.T, b bench, name string) string {
	t.Helper()
	dir := strings.TrimSpace(b.must(t, "inspect", name, "-f", "{{index .Learnbox.Cgroups 0}}"))
	var all strings.Builder
	for _, file := range []string{"memory.max", "memory.low", "cpu.max", "cpu.weight", "cpuset.cpus", "pids.max", "io.max"} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			text = []byte(err.Error() + "\n")
		}
		all.WriteString(file + " " + string(text))
	}
	return all.String()
}
