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
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/privtest"
	"github.com/learnbox/learnbox/pull/tiny"
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
	privtest.Require(t, "root", "overlay", "cgroup")
	if _, err := tiny.Layout(); err != nil {
		t.Skipf("built without the embedded image: %v", err)
	}
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
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // names of this file
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
	case kept && len(list) == 2 && list[0] == "crashed" && list[1] == "exited":
		b.must(t, "rm", "crashed")
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
	for _, dir := range []string{"run", "containers", "containers/names"} {
		entries, err := os.ReadDir(filepath.Join(b.root, dir))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Name() != "names" {
				t.Errorf("%s/%s is left", dir, e.Name())
			}
		}
	}
}

// runOfAllSteps is a command line for which no step is left out.
func runOfAllSteps(command string, kept bool) []string {
	args := []string{command, "run", "--name", "crashed"}
	if !kept {
		args = append(args, "--rm")
	}
	return append(args, "-t", "--read-only", "--security-opt", "no-new-privileges", "--sysctl", "net.ipv4.ip_forward=1",
		"--ulimit", "core=0", "-v", "./data:/data", "-u", "1000", "tiny", "true")
}

// strace runs the command line under strace(1).
func (b bench) strace(t *testing.T, options []string, args []string) *exec.Cmd {
	t.Helper()
	return b.command(t, "strace", append(append([]string{"-f", "-qq"}, options...), args...)...)
}

// needStrace also warms up: the image is unpacked, the filter compiled.
func (b bench) needStrace(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("needs strace (Debian and Ubuntu: scripts/test installs it)")
	}
	b.must(t, "run", "--rm", "tiny", "true")
}

// sendsOf runs undisturbed and counts, for each step, which sendmsg of the
// init announces it.
func (b bench) sendsOf(t *testing.T) map[string]int {
	t.Helper()
	trace := filepath.Join(b.dir, "trace")
	cmd := b.strace(t, []string{"-o", trace, "-s", "300", "-e", "trace=sendmsg,write"}, runOfAllSteps("learnbox-told", false))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	data, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	call := regexp.MustCompile(`^(\d+) +(sendmsg|write)\(`)
	begin := regexp.MustCompile(`\\"Step\\":\\"([^"\\]+)\\",\\"Phase\\":\\"begin\\"`)
	sends, steps := map[string]int{}, map[string]int{}
	for line := range strings.Lines(string(data)) {
		c := call.FindStringSubmatch(line)
		if c == nil {
			continue
		}
		if c[2] == "sendmsg" {
			sends[c[1]]++
		}
		if s := begin.FindStringSubmatch(line); s != nil {
			steps[s[1]] = sends[c[1]]
		}
	}
	return steps
}

// TestKillAtEveryStep kills learnbox and the init at every step.
func TestKillAtEveryStep(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	b.needStrace(t)
	sends := b.sendsOf(t)
	h, err := cgroup.Detect()
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range sandbox.Steps() {
		if step.ID == "ns.cgroup" && h.Version == 1 {
			continue // as Docker, learnbox shares that namespace there
		}
		for who, kill := range map[string]func(*testing.T, bench, string, int, bool){"init": killInit, "parent": killParent} {
			for _, kept := range []bool{false, true} {
				name := fmt.Sprintf("%s/%s/kept=%v", step.ID, who, kept)
				t.Run(name, func(t *testing.T) {
					privtest.NoTrace(t)
					kill(t, b, step.ID, sends[step.ID], kept)
					b.atRest(t, kept)
				})
			}
		}
	}
}

// killInit kills the init when it is about to announce a step: the parent
// reports one error and ends with 125.
func killInit(t *testing.T, b bench, step string, n int, kept bool) {
	t.Helper()
	var cmd *exec.Cmd
	switch {
	case step == "cgroup.create":
		return // there is none yet
	case step == "init.clone":
		args := runOfAllSteps("learnbox-told", kept)
		cmd = b.command(t, args[0], args[1:]...)
		cmd.Env = append(cmd.Env, killEnv+"=init@"+step)
	default:
		cmd = b.strace(t, inject(t, step, n, "KILL", "/dev/null"), runOfAllSteps("learnbox-told", kept))
	}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	_ = cmd.Run()
	if code := cmd.ProcessState.ExitCode(); code != 125 {
		t.Errorf("exit code %d, want 125", code)
	}
	if lines := strings.Count(errs.String(), "\n"); lines == 0 || lines > 2 || !strings.HasPrefix(errs.String(), "learnbox: run: ") {
		t.Errorf("stderr is not one error: %s", &errs)
	}
}

// killParent stops the init when it announces a step, and then kills learnbox.
func killParent(t *testing.T, b bench, step string, n int, kept bool) {
	t.Helper()
	args := runOfAllSteps("learnbox-told", kept)
	if step == "cgroup.create" || step == "init.clone" {
		cmd := b.command(t, args[0], args[1:]...)
		cmd.Env = append(cmd.Env, killEnv+"=parent@"+step)
		if err := cmd.Run(); err == nil {
			t.Error("learnbox survived its own death")
		}
		return
	}
	trace := filepath.Join(t.TempDir(), "trace")
	cmd := b.strace(t, inject(t, step, n, "STOP", trace), args)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait() //nolint:errcheck // it dies as what it traces died
	waitForText(t, trace, "stopped by SIGSTOP")
	if err := unix.Kill(childOf(cmd.Process.Pid), unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// inject makes strace send a signal to the init at the N-th message. The first
// one has the same number as the parent's only one, so the first step is hit
// at its system call.
func inject(t *testing.T, step string, n int, signal, trace string) []string {
	t.Helper()
	if n == 0 {
		t.Fatalf("the run did not take the step %s", step)
	}
	call := "sendmsg"
	if n == 1 {
		call = "unshare"
	}
	return []string{"-o", trace, "-e", "trace=" + call, "-e", fmt.Sprintf("inject=%s:signal=%s:when=%d", call, signal, n)}
}

func waitForText(t *testing.T, file, text string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		data, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(data), text) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s never said %q: %s", file, text, data)
		}
		<-time.After(2 * time.Millisecond)
	}
}
