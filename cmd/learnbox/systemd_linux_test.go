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
// remove limited groups of its own, while a container with limits runs, and one that
// got some later. It does so twice: scripts/vm's own service has every controller delegated, so that systemd keeps
// them all; on other machines it takes back those that no unit needs.
func TestSystemdLeavesLimitsAlone(t *testing.T) {
	privtest.Require(t, "vm") // a machine to throw away
	privtest.NoTrace(t)
	b := newBench(t)
	b.must(t, "run", "-d", "--name", "box", "-m", "64m", "--memory-reservation", "32m", "--cpus", "0.5", "--cpu-shares", "512",
		"--cpuset-cpus", "0", "--pids-limit", "50", "--device-read-bps", "/dev/vda:1mb", "tiny", "sleep", "1000")
	b.must(t, "run", "-d", "--name", "later", "tiny", "sleep", "1000")
	b.must(t, "update", "-m", "32m", "--memory-swap", "32m", "--cpus", "0.2", "--cpuset-cpus", "0", "later")
	limits := func() string { return limitsOf(t, b, "box") + limitsOf(t, b, "later") }
	before := limits()
	for _, limit := range []string{"memory.max 67108864", "cpu.max 50000 100000", "cpuset.cpus 0", "pids.max 50", "rbps=1048576", "memory.max 33554432", "cpu.max 20000"} {
		if !strings.Contains(before, limit) {
			t.Fatalf("%q is not there:\n%s", limit, before)
		}
	}
	for _, command := range []string{
		"systemctl daemon-reload",
		"systemctl daemon-reexec",
		"systemd-run -q --unit=learnbox-test -p MemoryMax=50M -p CPUWeight=50 -p IOWeight=50 -p AllowedCPUs=0 -p TasksMax=5 sleep 1000",
		"systemctl stop learnbox-test",
		"mkdir -p " + dropIn + " && printf '[Service]\\nDelegate=no\\n' >" + dropIn + "/learnbox-test.conf && systemctl daemon-reload",
		"systemctl daemon-reexec",
		"systemd-run -q --unit=learnbox-test -p CPUWeight=50 -p IOWeight=50 -p AllowedCPUs=0 sleep 1000",
		"systemctl stop learnbox-test",
	} {
		if out, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", command, err, out)
		}
		if after := limits(); after != before {
			t.Errorf("after %s:\n%swant\n%s", command, after, before)
		}
	}
	b.must(t, "rm", "-f", "box", "later")
	b.nothingLeft(t)
	if out, err := exec.Command("sh", "-c", "rm -r "+dropIn+" && systemctl daemon-reload").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// TestSystemdStartsThemAtBoot with the unit in scripts/ and the learnbox that is installed.
func TestSystemdStartsThemAtBoot(t *testing.T) {
	privtest.Require(t, "vm")
	privtest.NoTrace(t)
	sh := func(command string) string {
		t.Helper()
		out, err := exec.Command("sh", "-c", command).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", command, err, out)
		}
		return string(out)
	}
	running := func() string { return sh("learnbox ps --format '{{.Names}}' | sort | tr '\\n' ' '") }
	sh("learnbox run -d --name always --restart always tiny sleep 1000")
	sh("learnbox run -d --name unless --restart unless-stopped tiny sleep 1000")
	sh("learnbox run -d --name stopped --restart unless-stopped tiny sleep 1000 && learnbox stop -t 1 stopped")
	sh("learnbox run -d --name never tiny sleep 1000")
	// As a machine that loses its power. A process's name ends after 15 letters.
	sh("pkill -9 -x learnbox-monito && sleep 1 && rm -r /run/learnbox")
	unit := "/run/systemd/system/learnbox.service"
	sh("cp ../../scripts/learnbox.service " + unit + " && systemctl daemon-reload")
	for _, command := range []string{"start", "restart", "stop"} {
		sh("systemctl " + command + " learnbox")
		if got := running(); got != "always unless " {
			t.Errorf("after systemctl %s learnbox these run: %q, want always and unless", command, got)
		}
	}
	sh("learnbox rm -f always unless stopped never && rm " + unit + " && systemctl daemon-reload")
}

// dropIn changes the service in which scripts/vm runs its command.
const dropIn = "/run/systemd/system/vm.service.d"

// limitsOf is what stands in the files of the container's group.
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
