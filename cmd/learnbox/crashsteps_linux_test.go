package main

import (
	"bytes"
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
