package main

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/explain/stop"
	"github.com/learnbox/learnbox/internal/privtest"
)

// TestStopInTheBackground stops a run whose steps a monitor's process takes, lets it
// go on, and ends it by each of those who take part.
func TestStopInTheBackground(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	b.must(t, "run", "--rm", "tiny", "true")
	kill := func(pid int) { _ = unix.Kill(pid, unix.SIGKILL) }
	for _, step := range []string{"monitor.start", "cgroup.create", "init.clone", "ns.uts", "rootfs.pivot", "process.exec"} {
		for _, c := range []struct {
			who    string
			act    func(t *testing.T, r *stoppedRun, p stop.Place)
			code   int
			status string // of the container, "" if there is none any more
		}{
			{"nobody is killed", func(t *testing.T, r *stoppedRun, _ stop.Place) { t.Helper(); r.b.must(t, "continue") }, 0, "running"},
			{"the command is interrupted", func(_ *testing.T, r *stoppedRun, _ stop.Place) { _ = unix.Kill(r.cmd.Process.Pid, unix.SIGINT) }, 130, ""},
			{"the command is killed", func(_ *testing.T, r *stoppedRun, _ stop.Place) { kill(r.cmd.Process.Pid) }, -1, ""},
			{"the monitor is killed", func(_ *testing.T, _ *stoppedRun, p stop.Place) { kill(p.Monitor) }, 125, ""},
			{"the init is killed", func(_ *testing.T, _ *stoppedRun, p stop.Place) { kill(p.Pid) }, 125, ""},
		} {
			t.Run(step+"/"+c.who, func(t *testing.T) {
				privtest.NoTrace(t)
				r := b.startStopped(t, "-d", "--break", step, "tiny", "sleep", "1000")
				p := r.where(t)
				if slices.Contains(p.Done, "monitor.start") != (p.Monitor != 0) || slices.Contains(p.Done, "init.clone") != (p.Pid != 0) {
					t.Errorf("after %v the monitor is %d, the first process %d", p.Done, p.Monitor, p.Pid)
				}
				if strings.Contains(c.who, "monitor") && p.Monitor == 0 || strings.Contains(c.who, "init") && p.Pid == 0 {
					kill(r.cmd.Process.Pid)
					r.end(t)
					b.settled(t) // a monitor may just have been started: it notices by itself that its command is gone
					b.nothingLeft(t)
					return // there is none yet
				}
				if matches, text := r.shows(t, "monitor.start", p); matches != (p.Monitor != 0) {
					t.Errorf("before %s the look at monitor.start says:\n%s", step, text)
				}
				c.act(t, r, p)
				if code := r.end(t); code != c.code {
					t.Errorf("exit code %d, want %d\n%s", code, c.code, &r.err)
				}
				if c.status == "" {
					b.settled(t)
				}
				status := strings.TrimSpace(b.must(t, "ps", "-a", "--format", "{{.State}}"))
				if status != c.status {
					t.Errorf("the container is %q, want %q", status, c.status)
				}
				if status != "" {
					b.must(t, "rm", "-f", "box")
				}
				b.nothingLeft(t)
			})
		}
	}
}
