package main

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/learnbox/learnbox/explain/texts"
	"github.com/learnbox/learnbox/internal/privtest"
	"github.com/learnbox/learnbox/sandbox/cgroup"
)

// past are the steps whose looks show something else once the program runs, and why.
var past = []string{
	"cgroup.create", // the program is in the group
	"init.plan",     // the wire is closed
	"init.wait",     // the capabilities are given up, and the filter is loaded
}

// promised tells whether the look of a step prints what its text says. Of the rules for devices
// version 2 has no file.
func promised(t *testing.T, step string) bool {
	t.Helper()
	h, err := cgroup.Detect()
	if err != nil {
		t.Fatal(err)
	}
	return step != "cgroup.limit" || h.Version == 1
}

// looks runs learnbox look, and returns the command that it prints for each step.
func (b bench) looks(t *testing.T, args ...string) map[string]string {
	t.Helper()
	commands, step := map[string]string{}, ""
	for line := range strings.Lines(b.must(t, append([]string{"look"}, args...)...)) {
		line = strings.TrimRight(line, "\n")
		if line != "" && !strings.HasPrefix(line, " ") {
			step, _, _ = strings.Cut(line, "  ")
		}
		if command, ok := strings.CutPrefix(line, "  look    "); ok {
			commands[step] = command
		}
	}
	return commands
}

// TestLooksOfARunningContainer types every command that learnbox look prints for a container
// with as many steps as there can be.
func TestLooksOfARunningContainer(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	b.must(t, "run", "-d", "-t", "--name", "box", "--security-opt", "no-new-privileges", "--ulimit", "nofile=1000:1000", "--oom-score-adj", "500",
		"--pids-limit", "20", "-m", "64m", "-v", filepath.Join(b.dir, "data")+":/mnt", "tiny", "sleep", "1000")
	commands := b.looks(t, "box")
	for _, step := range stepIDs() {
		command, printed := commands[step]
		if taken := !slices.Contains([]string{"ns.cgroup", "rootfs.readonly", "process.exit"}, step); printed != taken && step != "ns.cgroup" {
			t.Errorf("look prints a command for %s: %v, want %v", step, printed, taken)
		}
		if !printed {
			continue
		}
		out, err := b.command(t, "sh", "-c", command).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %s: %v\n%s", step, command, err, out)
		}
		about, _ := texts.ForStep(step)
		if promised(t, step) && !slices.Contains(past, step) && !lookPattern(about.Look.Output).Match(out) {
			t.Errorf("%s: %s prints\n%swant\n%s", step, command, out, strings.Join(about.Look.Output, "\n"))
		}
	}
	b.must(t, "rm", "-f", "box")
	b.nothingLeft(t)
}

// TestLookAtLimits looks where the groups are not at their usual place, and at files that flags
// had written.
func TestLookAtLimits(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	b.must(t, "run", "-d", "--name", "box", "--cgroup-parent", "/learnbox-test/looks", "--pids-limit", "20", "-m", "64m", "--cpus", "0.5",
		"--cpuset-cpus", "0", "tiny", "sleep", "1000")
	for step, want := range map[string]string{
		"limits.pids":  `^20\n$`,
		"cgroup.limit": `(?s)memory\.(limit_in_bytes|max) <==\n67108864\n.*cpu\.(cfs_quota_us <==\n50000\n|max <==\n50000 100000\n).*cpuset\.cpus <==\n0\n`,
	} {
		command := b.looks(t, "box", step)[step]
		out, err := b.command(t, "sh", "-c", command).CombinedOutput()
		if err != nil || !regexp.MustCompile(want).Match(out) {
			t.Errorf("%s: %s: %v\n%swant\n%s", step, command, err, out, want)
		}
	}
	b.must(t, "rm", "-f", "box")
	b.nothingLeft(t)
}
