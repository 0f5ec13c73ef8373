package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/privtest"
)

// What a program and the command that runs it owe each other, when a monitor stands between them.

// TestInputThatNobodyReads: a signal, and the end of the output, come through all the same.
func TestInputThatNobodyReads(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	zero, err := os.Open("/dev/zero")
	if err != nil {
		t.Fatal(err)
	}
	defer zero.Close()

	cmd := b.command(t, "learnbox", "run", "-i", "--name", "box", "tiny", "sh", "-c", "trap 'exit 4' TERM; echo ready; while :; do sleep 0.05; done")
	cmd.Stdin = zero
	startReady(t, cmd)
	time.Sleep(300 * time.Millisecond) // until nothing more goes in
	if err := cmd.Process.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if _ = cmd.Wait(); cmd.ProcessState.ExitCode() != 4 {
		t.Errorf("exit code %d, want 4", cmd.ProcessState.ExitCode())
	}
	b.must(t, "rm", "box")

	cmd = b.command(t, "learnbox", "run", "-i", "--name", "box", "tiny", "sh", "-c", "echo ready; exec yes")
	cmd.Stdin = zero
	out := startReady(t, cmd)
	time.Sleep(300 * time.Millisecond)
	out.Close()
	if _ = cmd.Wait(); cmd.ProcessState.ExitCode() <= 0 {
		t.Errorf("exit code %d, want that of a program with a broken pipe", cmd.ProcessState.ExitCode())
	}
	b.must(t, "rm", "box")
	b.nothingLeft(t)
}

// TestASlowReader reads when the program has long ended: nothing of it is lost, and nobody else
// had to wait for that.
func TestASlowReader(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	cmd := b.command(t, "learnbox", "run", "--name", "box", "tiny", "sh", "-c", "seq 1 65000; exit 9")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b.until(t, "box", "Exited (9)")
	b.must(t, "rm", "box")
	b.nothingLeft(t)
	time.Sleep(2500 * time.Millisecond) // longer than a monitor waits for others
	var want bytes.Buffer
	for i := range 65000 {
		fmt.Fprintln(&want, i+1)
	}
	if got, err := io.ReadAll(out); err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("it read %d bytes (%v), want %d", len(got), err, want.Len())
	}
	if _ = cmd.Wait(); cmd.ProcessState.ExitCode() != 9 {
		t.Errorf("exit code %d, want 9", cmd.ProcessState.ExitCode())
	}
}

// TestAReaderWhoPauses: its container can be stopped, started and removed.
func TestAReaderWhoPauses(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	cmd := b.command(t, "learnbox", "run", "--name", "box", "tiny", "yes")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b.until(t, "box", "Up")
	time.Sleep(300 * time.Millisecond)
	begin := time.Now()
	b.must(t, "stop", "-t", "1", "box")
	b.until(t, "box", "Exited")
	b.must(t, "start", "box")
	b.must(t, "rm", "-f", "box")
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	b.nothingLeft(t)
}

// TestInterruptedStart interrupts a command whose init takes its time.
func TestInterruptedStart(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	b.needStrace(t)
	for _, flags := range [][]string{{}, {"--rm"}, {"-d"}, {"--explain=brief"}, {"--explain=full"}} {
		t.Run(strings.Join(flags, " "), func(t *testing.T) {
			privtest.NoTrace(t)
			trace := filepath.Join(t.TempDir(), "trace")
			cmd := b.strace(t, []string{"-o", trace, "-e", "trace=pivot_root", "-e", "inject=pivot_root:delay_enter=2000000"},
				append(append([]string{"learnbox", "run", "--name", "crashed"}, flags...), "tiny", "sleep", "1000"))
			var errs bytes.Buffer
			cmd.Stderr = &errs
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			waitFor(t, func() bool { return strings.Contains(readText(t, trace), "pivot_root") }, trace)
			if err := unix.Kill(childOf(cmd.Process.Pid), unix.SIGINT); err != nil {
				t.Fatal(err)
			}
			if _ = cmd.Wait(); cmd.ProcessState.ExitCode() != 130 || !strings.Contains(errs.String(), "learnbox: run: interrupted") {
				t.Errorf("exit code %d, want 130; %s", cmd.ProcessState.ExitCode(), &errs)
			}
			if list := b.must(t, "ps", "-aq"); list != "" {
				t.Errorf("ps -a shows %s", list)
			}
			b.nothingLeft(t)
		})
	}
}

func waitFor(t *testing.T, done func() bool, trace string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; <-time.After(5 * time.Millisecond) {
		if _, err := os.Stat(trace); err == nil && done() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("it never came")
		}
	}
}

// TestTheMonitorHoldsNothingOfTheCallers: what the shell has open is not kept open.
func TestTheMonitorHoldsNothingOfTheCallers(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	for _, run := range []string{"run -d", "run -t"} {
		sh := b.command(t, "sh", "-c", "exec 5>mine 9>mine; learnbox "+run+" --name box tiny sleep 1000 & wait")
		if err := sh.Start(); err != nil {
			t.Fatal(err)
		}
		b.until(t, "box", "Up")
		monitor := parentOf(t, b.pidOf(t))
		links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", monitor))
		if err != nil || len(links) < 4 {
			t.Errorf("descriptors of the monitor: %v, %v", links, err)
		}
		for _, link := range links {
			if to, err := os.Readlink(link); err == nil && strings.HasSuffix(to, "/mine") {
				t.Errorf("with %s the monitor has %s open", run, to)
			}
		}
		b.must(t, "rm", "-f", "box")
		_ = sh.Wait()
	}
	b.nothingLeft(t)
}
