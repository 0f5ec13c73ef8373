package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/privtest"
	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/sandbox"
	"github.com/learnbox/learnbox/sandbox/cgroup"
)

// What kill -9 leaves behind, at every step of a run and on either side, and
// that the next command finds and removes it.
//
// The init tells the parent of every step that it begins, when somebody
// listens. strace(1) can send a signal at the N-th call of a kind, so "the
// N-th sendmsg of the init" is a step hit exactly: it never gets further.

// A bench is one data root, on which commands run one after the other.
type bench struct {
	t         *testing.T
	dir, root string
}

func newBench(t *testing.T) bench {
	t.Helper()
	privtest.Require(t, "root", "overlay", "cgroup", "tiny")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b := bench{t: t, dir: t.TempDir()}
	b.root = filepath.Join(b.dir, "root")
	for _, name := range []string{"learnbox", "learnbox-told"} {
		if err := os.Symlink(self, filepath.Join(b.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// command is learnbox, or a program that starts it, on the bench's root.
func (b bench) command(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), "LEARNBOX_ROOT="+b.root, "LEARNBOX_CONFIG=/nonexistent", "PATH="+b.dir+":"+os.Getenv("PATH"))
	if strings.HasPrefix(name, "learnbox") {
		cmd.Path, cmd.Err = filepath.Join(b.dir, name), nil
	}
	return cmd
}

// must runs a command of learnbox that has to succeed and returns its output.
func (b bench) must(t *testing.T, args ...string) string {
	t.Helper()
	cmd := b.command(t, "learnbox", args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil || errs.Len() > 0 {
		t.Fatalf("learnbox %q: %v\n%s%s", args, err, &out, &errs)
	}
	return out.String()
}

// atRest checks that the next command tells the truth about the container
// "crashed" and that nothing but it is left; then it removes it, and the name
// can be had again.
func (b bench) atRest(t *testing.T, kept bool) {
	t.Helper()
	list := strings.Fields(b.must(t, "ps", "-a", "--format", "{{.Names}} {{.State}}"))
	switch {
	case len(list) == 0:
	case kept && len(list) == 2 && list[0] == "crashed" && (list[1] == "exited" || list[1] == "created"):
		b.must(t, "rm", "-v", "crashed")
	default:
		t.Errorf("ps -a shows %q", list)
	}
	b.nothingLeft(t)
	b.must(t, "run", "--rm", "--name", "crashed", "tiny", "true")
	b.nothingLeft(t)
}

// nothingLeft checks the directories of containers; privtest.NoTrace sees to
// mounts, cgroups, links and processes.
func (b bench) nothingLeft(t *testing.T) {
	t.Helper()
	for _, dir := range []string{"run", "run/stops", "containers", "containers/names", "volumes"} {
		entries, err := os.ReadDir(filepath.Join(b.root, dir))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		for _, e := range entries {
			aName := dir == "volumes" && len(e.Name()) < 64 && e.Name()[0] != '.' // somebody gave it, so it stays
			kept := []string{"names", "stops", "events", "events.1"}              // and what is in the first two, by the other directories
			if !slices.Contains(kept, e.Name()) && !aName {
				t.Errorf("%s/%s is left", dir, e.Name())
			}
		}
	}
}

// settled waits until no container runs or is being made.
func (b bench) settled(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; <-time.After(5 * time.Millisecond) {
		b.must(t, "ps", "-q")
		running, err := filepath.Glob(filepath.Join(b.root, "run", strings.Repeat("[0-9a-f]", 64)))
		if err != nil || len(running) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("there is still %v", running)
		}
	}
}

// runOfAllSteps are command lines that leave no step out between them: one of a container
// that goes with its command and has no terminal, and one of a container that is kept by a
// monitor, and has.
func runOfAllSteps(kept bool) []string {
	args := []string{"learnbox-told", "run", "--name", "crashed"}
	if kept {
		args = append(args, "-t")
	} else {
		args = append(args, "--rm")
	}
	return append(args, "--read-only", "--oom-score-adj", "500", "--pids-limit", "50", "--security-opt", "no-new-privileges", "--sysctl", "net.ipv4.ip_forward=1",
		"--ulimit", "core=0", "-v", "./data:/data", "-v", "/home", "-u", "1000", "tiny", "true")
}

// strace runs the command line under strace(1).
func (b bench) strace(t *testing.T, options, args []string) *exec.Cmd {
	t.Helper()
	return b.command(t, "strace", append(append([]string{"-f", "-qq"}, options...), args...)...)
}

// needStrace also warms up: the image is unpacked, the filter compiled.
func (b bench) needStrace(t *testing.T) {
	t.Helper()
	privtest.Require(t, "strace")
	b.must(t, "run", "--rm", "tiny", "true")
}

// An undisturbed run, as strace and learnbox-told saw it.
type undisturbed struct {
	began    []string       // steps
	announce map[string]int // which sendmsg of the init announces a step; the parent's own steps are not in it
	others   map[string]int // the most messages that anybody else had sent until then
}

func (b bench) watch(t *testing.T, kept bool) undisturbed {
	t.Helper()
	trace, steps := filepath.Join(t.TempDir(), "trace"), filepath.Join(t.TempDir(), "steps")
	cmd := b.strace(t, []string{"-o", trace, "-s", "300", "-e", "trace=sendmsg,write"}, runOfAllSteps(kept))
	cmd.Env = append(cmd.Env, stepsEnv+"="+steps)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	u := undisturbed{began: strings.Fields(readText(t, steps)), announce: map[string]int{}, others: map[string]int{}}
	call := regexp.MustCompile(`^(\d+) +(sendmsg|write)\(`)
	sends := map[string]int{}
	for line := range strings.Lines(readText(t, trace)) {
		c := call.FindStringSubmatch(line)
		if c == nil {
			continue
		}
		if c[2] == "sendmsg" {
			sends[c[1]]++
		}
		if step := begun(line); step != "" {
			u.announce[step] = sends[c[1]]
			for thread, n := range sends {
				if thread != c[1] {
					u.others[step] = max(u.others[step], n)
				}
			}
		}
	}
	return u
}

// begun is the step whose begin a line of the trace announces: its id, then
// "begin" with its length before it, as a wire writes texts.
func begun(line string) string {
	for _, s := range sandbox.Steps() {
		if strings.Contains(line, s.ID+`\5begin`) {
			return s.ID
		}
	}
	return ""
}

func readText(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestKillAtEveryStep kills each party at every step, of a container that is kept
// and of one that is not.
func TestKillAtEveryStep(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	b.needStrace(t)
	taken := map[string]bool{}
	for kept, parties := range map[bool][]string{false: {"init", "parent"}, true: {"init", "parent", "command"}} {
		u := b.watch(t, kept)
		for _, step := range u.began {
			if !slices.ContainsFunc(sandbox.Steps(), func(s narrate.Step) bool { return s.ID == step }) {
				continue
			}
			taken[step] = true
			for _, who := range parties {
				t.Run(fmt.Sprintf("%s/%s/kept=%v", step, who, kept), func(t *testing.T) {
					privtest.NoTrace(t)
					if who == "init" {
						killInit(t, b, u, step, kept)
					} else {
						killAbove(t, b, u, step, kept, who)
					}
					b.atRest(t, kept)
				})
			}
		}
	}
	h, err := cgroup.Detect()
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range sandbox.Steps() {
		if !taken[step.ID] && (step.ID != "ns.cgroup" || h.Version == 2) { // as Docker, learnbox shares that namespace on version 1
			t.Errorf("no run took the step %s", step.ID)
		}
	}
}

// killInit kills the init when it is about to announce a step, or while the
// parent takes one: learnbox reports one error and ends with 125. Behind the
// announcement of the execve nobody can tell the init from the program, which
// then has died of SIGKILL.
func killInit(t *testing.T, b bench, u undisturbed, step string, kept bool) {
	t.Helper()
	var cmd *exec.Cmd
	switch n := u.announce[step]; {
	case step == "cgroup.create":
		return // there is none yet
	case n == 0:
		args := runOfAllSteps(kept)
		cmd = b.command(t, args[0], args[1:]...)
		cmd.Env = append(cmd.Env, killEnv+"=init@"+step)
	default:
		cmd = b.strace(t, u.inject(t, step, "KILL", "/dev/null"), runOfAllSteps(kept))
	}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	_ = cmd.Run()
	code := cmd.ProcessState.ExitCode()
	if announced := u.announce["seccomp.load"]; code == 137 && errs.Len() == 0 && u.announce[step] > announced {
		return
	}
	if kept && u.announce[step] == 0 && (code == 137 || code == 0) && errs.Len() == 0 {
		return // a monitor does not wait until the command has heard of the step: the program runs, or has ended
	}
	if code != 125 {
		t.Errorf("exit code %d, want 125", code)
	}
	if lines := strings.Count(errs.String(), "\n"); lines == 0 || lines > 2 || !strings.HasPrefix(errs.String(), "learnbox: run: ") {
		t.Errorf("stderr is not one error: %s", &errs)
	}
}

// killAbove stops the init when it announces a step, and then kills its parent, which is the
// command or a monitor, or the command above the monitor. That one is not missed, and
// the init goes on. At a step that the parent takes, whoever hears of it kills.
func killAbove(t *testing.T, b bench, u undisturbed, step string, kept bool, who string) {
	t.Helper()
	args, n := runOfAllSteps(kept), u.announce[step]
	if n == 0 {
		cmd := b.command(t, args[0], args[1:]...)
		if who == "parent" && kept {
			who = "monitor"
		}
		cmd.Env = append(cmd.Env, killEnv+"="+who+"@"+step)
		err := cmd.Run()
		if early := who == "monitor"; err == nil && !early { // the program may have ended before the command heard of the step
			t.Error("learnbox survived its own death")
		}
		if kept {
			b.settled(t)
		}
		b.goesOn(t, u, step, who)
		return
	}
	trace := filepath.Join(t.TempDir(), "trace")
	cmd := b.strace(t, u.inject(t, step, "STOP", trace), args)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait() //nolint:errcheck // it dies as what it traces died
	init := stopped(t, trace)
	victim := parentOf(t, init)
	if who == "command" {
		victim = childOf(cmd.Process.Pid)
	}
	if err := unix.Kill(victim, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if who == "command" {
		goOn(cmd, trace)
		b.goesOn(t, u, step, who)
	}
}

// goesOn checks that a container whose command was killed has run as if nothing were, if it had
// its files by then.
func (b bench) goesOn(t *testing.T, u undisturbed, step, who string) {
	t.Helper()
	if who != "command" || slices.Index(u.began, step) <= slices.Index(u.began, "container.save") {
		return
	}
	if got := b.must(t, "ps", "-a", "--format", "{{.Names}} {{.Status}}"); !strings.HasPrefix(got, "crashed Exited (0)") {
		t.Errorf("with the command went the container: %q", got)
	}
}

// goOn wakes whoever is stopped, until all have ended: the monitor is, too, at a message of its own.
func goOn(cmd *exec.Cmd, trace string) {
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	for awake := 0; ; {
		all := stopsIn(trace)
		for _, pid := range all[awake:] {
			_ = unix.Kill(pid, unix.SIGCONT)
		}
		awake = len(all)
		select {
		case <-ended:
			return
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// inject makes strace send a signal to the init when it announces a step: at its
// n-th message, which comes before the n-th of any thread of the parent. The
// first step is hit at its system call instead.
func (u undisturbed) inject(t *testing.T, step, signal, trace string) []string {
	t.Helper()
	call, n := "sendmsg", u.announce[step]
	if n == 1 {
		call = "unshare"
	} else if n <= u.others[step] {
		t.Fatalf("message %d is not the init's alone", n)
	}
	return []string{"-o", trace, "-e", "trace=" + call, "-e", fmt.Sprintf("inject=%s:signal=%s:when=%d", call, signal, n)}
}

// stopped waits until somebody is stopped.
func stopped(t *testing.T, trace string) int {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; <-time.After(2 * time.Millisecond) {
		if all := stopsIn(trace); len(all) > 0 {
			return all[0]
		}
		if time.Now().After(deadline) {
			t.Fatalf("nobody was ever stopped: %s", readText(t, trace))
		}
	}
}

// stopsIn are the processes that a trace tells to have been stopped.
func stopsIn(trace string) []int {
	data, _ := os.ReadFile(trace) // there is none yet
	var pids []int
	for _, line := range regexp.MustCompile(`(?m)^(\d+) +--- stopped by SIGSTOP`).FindAllSubmatch(data, -1) {
		if pid, err := strconv.Atoi(string(line[1])); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
