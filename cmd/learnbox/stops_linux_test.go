package main

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/explain"
	"github.com/learnbox/learnbox/explain/evidence"
	"github.com/learnbox/learnbox/explain/stop"
	"github.com/learnbox/learnbox/explain/texts"
	"github.com/learnbox/learnbox/internal/privtest"
)

// A stopped run is one that was started with breakpoints, in the background and
// without a terminal: only commands elsewhere let it go on.
type stoppedRun struct {
	b        bench
	cmd      *exec.Cmd
	out, err bytes.Buffer
}

func (b bench) startStopped(t *testing.T, args ...string) *stoppedRun {
	t.Helper()
	r := &stoppedRun{b: b, cmd: b.command(t, "learnbox", append([]string{"run", "--name", "box"}, args...)...)}
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.err
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return r
}

// where waits until the run stands, and returns where.
func (r *stoppedRun) where(t *testing.T) stop.Place {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		all, err := stop.Find(path.Join(r.b.root, "run", "stops"))
		if err != nil {
			t.Fatal(err)
		}
		if len(all) == 1 && !all[0].Busy {
			return all[0].Place
		}
		if time.Now().After(deadline) {
			_ = r.cmd.Process.Kill()
			t.Fatalf("the run does not stand at a breakpoint: %v\n%s", r.cmd.Wait(), &r.err)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// end waits for the run's end and returns its exit code.
func (r *stoppedRun) end(t *testing.T) int {
	t.Helper()
	_ = r.cmd.Wait() // the code says it
	return r.cmd.ProcessState.ExitCode()
}

// shows reports whether the look of a step prints what its text promises.
func (r *stoppedRun) shows(t *testing.T, step string, p stop.Place) (matches bool, printed string) {
	t.Helper()
	about, ok := texts.ForStep(step)
	if !ok {
		t.Fatalf("there is no text about %s", step)
	}
	command := explain.VariablesOf(p, r.b.root).Expand(about.Look.Command)
	out, _ := r.b.command(t, "sh", "-c", command).CombinedOutput() // what it prints counts
	return lookPattern(about.Look.Output).Match(out), "$ " + command + "\n" + string(out)
}

// lookPattern is a text's output as a regular expression: * is anything inside
// a line, and a line of only * any lines.
func lookPattern(lines []string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`^`)
	for _, l := range lines {
		if l == "*" {
			b.WriteString(`(.*\n)*`)
			continue
		}
		b.WriteString(strings.ReplaceAll(regexp.QuoteMeta(l), `\*`, `.*`) + ` *\n`)
	}
	b.WriteString(`$`)
	return regexp.MustCompile(b.String())
}

// unseen are steps after which a look prints what it printed before, and why.
// The looks of the image's steps show what the store holds, and it holds tiny
// already.
var unseen = []string{
	"image.resolve", "image.pull", "image.unpack", "container.create", "monitor.start", // see above
	"init.plan", "init.go", "init.wait", // words that pass between two processes
	"process.cwd",   // the plain container's is "/", where the init is anyway
	"mount.private", // here no mount is shared
}

// own are the kinds of namespaces that differ from ours.
func own(pid string) []string {
	ours, theirs := evidence.Namespaces("self"), evidence.Namespaces(pid)
	var kinds []string
	for _, kind := range evidence.Kinds() {
		if theirs[kind] != "" && theirs[kind] != ours[kind] {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// TestStopAtEveryStep takes a run one step at a time, and looks from outside
// whether the kernel shows each step once it was taken, and not before.
func TestStopAtEveryStep(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	b.must(t, "run", "--rm", "tiny", "true")
	const program = "hostname; cd /proc/self; grep -E '^(Cap|Seccomp:|NoNewPrivs|Uid)' status; sed 's/^[0-9]* [0-9]* [0-9:]* //' mountinfo | wc -l; exit 7"
	r := b.startStopped(t, "--step", "-h", "box", "tiny", "sh", "-c", program)
	var seen []string
	for {
		p := r.where(t)
		step := p.At.Step
		seen = append(seen, step)
		checkNamespaces(t, p)
		before, text := r.shows(t, step, p)
		if before && !slices.Contains(unseen, step) {
			t.Errorf("before %s its look shows it already:\n%s", step, text)
		}
		if step == "process.exec" {
			if out, err := b.command(t, "learnbox", "look", "rootfs.readonly").CombinedOutput(); err == nil {
				t.Errorf("look shows a step that the run does not take:\n%s", out)
			}
			break
		}
		b.must(t, "next")
		p = r.where(t)
		if !slices.Contains(p.Done, step) || slices.Contains(p.Next, step) {
			t.Fatalf("after %s the steps done are %v", step, p.Done)
		}
		if after, text := r.shows(t, step, p); !after && promised(t, step) {
			t.Errorf("after %s its look does not show it:\n%s", step, text)
		}
	}
	b.must(t, "continue")
	if code := r.end(t); code != 7 {
		t.Errorf("the program ended with %d, want 7\n%s", code, &r.err)
	}
	whole := b.command(t, "learnbox", "run", "--rm", "-h", "box", "tiny", "sh", "-c", program)
	want, _ := whole.Output() // its exit code is 7, too
	if !bytes.Equal(r.out.Bytes(), want) {
		t.Errorf("the container that was stopped is another one:\n%s\nwant\n%s", &r.out, want)
	}
	if p := r.planned(t); !slices.Equal(seen, p) {
		t.Errorf("stopped at %v\nplan says   %v", seen, p)
	}
	b.must(t, "rm", "box")
	b.nothingLeft(t)
}

// planned are the steps that learnbox plan announces and at which a run can stop.
func (r *stoppedRun) planned(t *testing.T) []string {
	t.Helper()
	var ids []string
	for line := range strings.Lines(r.b.must(t, "plan", "--json", "-h", "box", "tiny", "sh")) {
		var s planned
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatal(err)
		}
		if s.Needed && s.ID != "process.exit" {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// checkNamespaces compares the namespaces that the half-built container has of
// its own with the steps that made them.
func checkNamespaces(t *testing.T, p stop.Place) {
	t.Helper()
	if p.Pid == 0 {
		return
	}
	want := []string{"pid"}
	for _, kind := range []string{"cgroup", "ipc", "mount", "net", "uts"} {
		if slices.Contains(p.Done, "ns."+kind) {
			want = append(want, strings.Replace(kind, "mount", "mnt", 1))
		}
	}
	slices.Sort(want)
	if got := own(explain.VariablesOf(p, "")["PID"]); !slices.Equal(got, want) {
		t.Errorf("before %s the container has its own %v, want %v", p.At.Step, got, want)
	}
}

// TestStopAtOptionalSteps does the same for the steps that need a flag.
func TestStopAtOptionalSteps(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	b.must(t, "run", "--rm", "tiny", "true")
	for step, flags := range map[string][]string{
		"tty.open":        {"-t"},
		"rootfs.readonly": {"--read-only"},
		"privs.no_new":    {"--security-opt", "no-new-privileges"},
		"limits.rlimits":  {"--ulimit", "nofile=1000:1000"},
		"limits.oom":      {"--oom-score-adj", "500"},
		"limits.pids":     {"--pids-limit", "20"},
		"rootfs.volumes":  {"-v", "/tmp:/mnt"},
	} {
		t.Run(step, func(t *testing.T) {
			privtest.NoTrace(t)
			r := b.startStopped(t, append(append([]string{"--rm", "--break", step, "--break-after", step}, flags...), "tiny", "true")...)
			if before, text := r.shows(t, step, r.where(t)); before {
				t.Errorf("its look shows it before it was taken:\n%s", text)
			}
			b.must(t, "continue")
			p := r.where(t)
			if !p.At.After {
				t.Fatalf("stopped %s", p.At)
			}
			if after, text := r.shows(t, step, p); !after {
				t.Errorf("its look does not show it:\n%s", text)
			}
			b.must(t, "continue", "box")
			if code := r.end(t); code != 0 {
				t.Errorf("exit code %d\n%s", code, &r.err)
			}
			b.nothingLeft(t)
		})
	}
}

// TestKillAtEveryStop kills either side of a run that stands at a breakpoint.
func TestKillAtEveryStop(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	b.must(t, "run", "--rm", "tiny", "true")
	r := b.startStopped(t, "--rm", "--break", "process.exec", "tiny", "true")
	steps := append(r.where(t).Done, "process.exec")
	b.must(t, "continue")
	r.end(t)
	for _, step := range steps {
		if slices.Contains([]string{"image.pull", "image.unpack"}, step) {
			continue // tiny is there: they are skipped
		}
		for _, who := range []string{"learnbox", "init", "interrupt"} {
			t.Run(step+"/"+who, func(t *testing.T) {
				privtest.NoTrace(t)
				r := b.startStopped(t, "--break", step, "tiny", "true")
				p := r.where(t)
				want := 125
				switch {
				case who == "interrupt":
					_ = unix.Kill(r.cmd.Process.Pid, unix.SIGINT)
					want = 130
				case who == "learnbox" || p.Pid == 0: // there is no init yet
					_ = unix.Kill(r.cmd.Process.Pid, unix.SIGKILL)
					want = -1
				default:
					_ = unix.Kill(p.Pid, unix.SIGKILL) // which the run notices by itself
				}
				if code := r.end(t); code != want {
					t.Errorf("exit code %d, want %d\n%s", code, want, &r.err)
				}
				b.settled(t) // a monitor takes the run back when its command is gone, and ps repairs
				if who == "init" {
					b.command(t, "learnbox", "rm", "box").Run() //nolint:errcheck // a container of which a step failed is kept, if it got that far
				}
				b.nothingLeft(t)
			})
		}
	}
}
