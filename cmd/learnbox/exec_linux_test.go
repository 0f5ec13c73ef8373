package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/explain"
	"github.com/learnbox/learnbox/explain/texts"
	"github.com/learnbox/learnbox/internal/privtest"
	"github.com/learnbox/learnbox/sandbox"
)

// spy is a program in a container that looks at everybody who comes: whose root is
// the machine's, and who has more capabilities than the container.
const spy = `
mine=$(grep CapBnd: /proc/self/status | cut -f 2)
while :; do
	for p in /proc/[0-9]*; do
		[ -e $p/root/$0 ] && echo the root of $(cat $p/comm) is that of the machine
		[ "$(cat $p/comm)" = learnbox-init ] && grep -E '^Cap(Bnd|Eff|Prm):' $p/status | grep -v -e $mine -e 0000000000000000
	done
done 2>/dev/null`

// TestNobodyInsideSeesWhoEnters is CVE-2016-9962: with CAP_SYS_PTRACE no process of
// the same pid namespace has secrets, dumpable or not.
func TestNobodyInsideSeesWhoEnters(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	secret := filepath.Join(b.dir, "secret")
	if err := os.WriteFile(secret, []byte("of the machine"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.must(t, "run", "-d", "--name", "box", "--cap-add", "SYS_PTRACE", "tiny", "sh", "-c", spy, secret)
	for range 20 {
		b.must(t, "exec", "box", "true")
	}
	if seen := b.must(t, "logs", "box"); seen != "" {
		t.Errorf("the container saw\n%s", seen)
	}
	b.must(t, "rm", "-f", "box")
	b.nothingLeft(t)
}

// TestAKilledExecLeavesNothing kills learnbox at any moment from its start on.
func TestAKilledExecLeavesNothing(t *testing.T) {
	for _, sig := range []unix.Signal{unix.SIGKILL, unix.SIGINT} {
		t.Run(unix.SignalName(sig), func(t *testing.T) {
			privtest.NoTrace(t)
			b := newBench(t)
			b.must(t, "run", "-d", "--name", "box", "tiny", "sleep", "1000")
			first := b.pidOf(t)
			for i := range 40 {
				cmd := b.command(t, "learnbox", "exec", "box", "sleep", "2000") // not -t, which would hang up
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Duration(i) * 500 * time.Microsecond)
				_ = cmd.Process.Signal(sig)
				_ = cmd.Wait()
			}
			for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
				in := members(t, first)
				if slices.Equal(in, []int{first}) {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("in the container's group are %v, want %d alone", in, first)
				}
			}
			b.must(t, "rm", "-f", "box")
			b.nothingLeft(t)
		})
	}
}

// members are the processes in the same pid namespace, and those in the same
// control group as the container's first one.
func members(t *testing.T, first int) []int {
	t.Helper()
	same := func(pid int, name string) bool {
		a, errA := os.ReadFile(fmt.Sprintf("/proc/%d/%s", first, name))
		b, errB := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
		return errA == nil && errB == nil && string(a) == string(b)
	}
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var all []int
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err == nil && same(pid, "cgroup") {
			all = append(all, pid)
		}
	}
	return all
}

// TestExecWhileItEnds enters containers that are about to end: either the program
// ran, or it was killed with the container, or there was none to enter.
func TestExecWhileItEnds(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	b.must(t, "run", "--rm", "tiny", "true")
	for i := range 12 {
		b.must(t, "run", "-d", "--name", "box", "tiny", "sleep", fmt.Sprintf("0.%02d", 1+i))
		for range 20 {
			_, stderr, code := b.run(t, "exec", "box", "true")
			switch {
			case code == 0, code == 137:
				continue
			case code == 1 && strings.Contains(stderr, "box: the container is not running"):
			default:
				t.Errorf("exit code %d: %s", code, stderr)
			}
			break
		}
		b.must(t, "rm", "-f", "box")
	}
	b.nothingLeft(t)
}

func TestManyExecs(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	b.must(t, "run", "-d", "--name", "box", "tiny", "sleep", "1000")
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			stdout, stderr, code := b.run(t, "exec", "box", "sh", "-c", fmt.Sprintf("echo %d; exit %d", i, i))
			if code != i || stdout != strconv.Itoa(i)+"\n" {
				t.Errorf("exec %d printed %q, %q and ended with %d", i, stdout, stderr, code)
			}
		})
	}
	wg.Wait()
	b.must(t, "rm", "-f", "box")
	b.nothingLeft(t)
}

func TestExecInATerminal(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	b.must(t, "run", "-d", "--name", "box", "tiny", "sleep", "1000")
	s := startCommand(t, b.command(t, "learnbox", "exec", "-it", "box", "sh"))
	before := s.localModes()
	s.see("# ")
	s.typeIn("stty size; tty; ps | grep -c '[s]leep 1000'\r")
	s.see("31 97")
	s.see("/dev/pts/")
	s.see("1")
	s.typeIn("sleep 500\r")
	time.Sleep(200 * time.Millisecond)
	s.typeIn("\x03")
	s.typeIn("echo after $?\r")
	s.see("after 130")
	if err := pty.Setsize(s.tty, &pty.Winsize{Rows: 40, Cols: 120}); err != nil {
		t.Fatal(err)
	}
	s.typeIn("until stty size | grep -q '40 120'; do :; done; echo resized-$((6*7))\r")
	s.see("resized-42")
	s.typeIn("exit 9\r")
	if code := s.end(); code != 9 {
		t.Errorf("exit code %d, want 9", code)
	}
	if after := s.localModes(); after != before {
		t.Errorf("the terminal's modes are %#x, were %#x", after, before)
	}
	b.must(t, "rm", "-f", "box")
	b.nothingLeft(t)
}

// TestTheFirstSizeOfAnExecIsRight runs a program that asks once and at once.
func TestTheFirstSizeOfAnExecIsRight(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	b.must(t, "run", "-d", "--name", "box", "tiny", "sleep", "1000")
	for range 5 {
		s := startCommand(t, b.command(t, "learnbox", "exec", "-it", "box", "stty", "size"))
		s.see("31 97")
		s.end()
	}
	b.must(t, "rm", "-f", "box")
}

// TestHangUpOfAnExec closes the terminal: the program goes, the container stays.
func TestHangUpOfAnExec(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	b.must(t, "run", "-d", "--name", "box", "tiny", "sleep", "1000")
	s := startCommand(t, b.command(t, "learnbox", "exec", "-it", "box", "sh"))
	s.see("# ")
	s.tty.Close()
	s.end()
	if out := b.must(t, "exec", "box", "sh", "-c", "ps | grep -c '[s]h$'; pidof sleep"); out != "0\n1\n" {
		t.Errorf("in the container run %q", out)
	}
	b.must(t, "rm", "-f", "box")
}

// TestLookAtAnExec runs the commands that the texts about the steps of an exec
// tell readers to run.
func TestLookAtAnExec(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	b.must(t, "run", "-d", "--name", "box", "tiny", "sleep", "1000")
	cmd := b.command(t, "learnbox", "exec", "-t", "box", "sleep", "2000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	pid := 0
	for deadline := time.Now().Add(10 * time.Second); pid == 0 && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if child := childOf(cmd.Process.Pid); child != 0 {
			if nameOf(child) == "sleep" {
				pid = child
			}
		}
	}
	for _, s := range sandbox.EnterSteps() {
		about, ok := texts.ForStep(s.ID)
		if !ok {
			t.Errorf("there is no text about %s", s.ID)
			continue
		}
		command := explain.Variables{"PID": strconv.Itoa(pid)}.Expand(about.Look.Command)
		out, err := exec.Command("sh", "-c", command).CombinedOutput()
		if err != nil || !lookPattern(about.Look.Output).Match(out) {
			t.Errorf("%s: %s: %v\n%swant\n%s", s.ID, command, err, out, strings.Join(about.Look.Output, "\n"))
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	b.must(t, "rm", "-f", "box")
	b.nothingLeft(t)
}
