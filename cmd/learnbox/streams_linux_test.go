package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/privtest"
)

// pattern is n bytes of which no two megabytes are alike.
func pattern(n int64) io.Reader {
	return io.LimitReader(&counter{}, n)
}

type counter struct{ n uint64 }

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(c.n>>20 ^ c.n>>8 ^ c.n)
		c.n++
	}
	return len(p), nil
}

const manyBytes = 64 << 20

func hashOf(t *testing.T, r io.Reader) string {
	t.Helper()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// TestNothingIsLostOnTheWay sends 64 MiB in and gets them back, through pipes
// that hold 64 KiB.
func TestNothingIsLostOnTheWay(t *testing.T) {
	b := newBench(t)
	for who, flags := range watchers() {
		t.Run(who, func(t *testing.T) {
			privtest.NoTrace(t)
			cmd := b.command(t, "learnbox", append(append([]string{"run"}, flags...), "-i", "tiny", "cat")...)
			cmd.Stdin = pattern(manyBytes)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			got, want := hashOf(t, out), hashOf(t, pattern(manyBytes))
			if err := cmd.Wait(); err != nil {
				t.Fatal(err)
			}
			if got != want {
				t.Errorf("what came back is not what was sent")
			}
			b.must(t, "container", "prune", "--force")
			b.nothingLeft(t)
		})
	}
}

// watchers are the flags that decide who watches over a container in the foreground.
func watchers() map[string][]string {
	return map[string][]string{"its command": {"--rm"}, "a monitor": nil, "a monitor, until it ends": {"--rm", "--health-cmd=true"}}
}

// run runs learnbox and returns what it said and how it ended.
func (b bench) run(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := b.command(t, "learnbox", args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run()
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// TestStreams runs programs that are hard on their streams. None may take long:
// a run that waits for something that never comes ends at the test's limit.
func TestStreams(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	tests := map[string]struct {
		args           []string
		stdout, stderr string
		code           int
	}{
		"two streams stay two":                  {[]string{"tiny", "sh", "-c", "echo out; echo err >&2; echo out"}, "out\nout\n", "err\n", 0},
		"stdout closed early":                   {[]string{"tiny", "sh", "-c", "exec >&-; sleep 0.1; echo err >&2; exit 4"}, "", "err\n", 4},
		"all streams closed":                    {[]string{"tiny", "sh", "-c", "exec <&- >&- 2>&-; sleep 0.1; exit 5"}, "", "", 5},
		"a child that keeps stdout":             {[]string{"tiny", "sh", "-c", "sleep 300 & echo out; exit 3"}, "out\n", "", 3},
		"a child that keeps stdout, --init":     {[]string{"--init", "tiny", "sh", "-c", "sleep 300 & echo out; exit 3"}, "out\n", "", 3},
		"a child that keeps stdout, --pid host": {[]string{"--pid", "host", "tiny", "sh", "-c", "sleep 300 & echo out; exit 3"}, "out\n", "", 3},
		"a child in a session of its own":       {[]string{"--pid", "host", "tiny", "sh", "-c", "setsid sleep 300 & exit 6"}, "", "", 6},
		"nothing to read":                       {[]string{"tiny", "cat"}, "", "", 0},
		// open(2), O_RDONLY is 0 and O_WRONLY 1; no O_NONBLOCK (04000), which would break programs that do not expect it.
		"streams that block": {
			[]string{"-i", "tiny", "sh", "-c", "grep -h flags /proc/self/fdinfo/0 /proc/self/fdinfo/1 /proc/self/fdinfo/2 | tr -d ' \\t'"},
			"flags:00\nflags:01\nflags:01\n", "", 0,
		},
		"orphans are reaped with --init": {
			[]string{"--init", "tiny", "sh", "-c", "(sleep 0.05 &); (sleep 0.05 &); sleep 0.3; grep -l '^State:.Z' /proc/[0-9]*/status; echo none"},
			"none\n", "", 0,
		},
	}
	for name, tt := range tests {
		for who, flags := range watchers() {
			t.Run(name+"/"+who, func(t *testing.T) {
				privtest.NoTrace(t)
				start := time.Now()
				stdout, stderr, code := b.run(t, append(append([]string{"run"}, flags...), tt.args...)...)
				if stdout != tt.stdout || stderr != tt.stderr || code != tt.code {
					t.Errorf("stdout %q, stderr %q, code %d; want %q, %q, %d", stdout, stderr, code, tt.stdout, tt.stderr, tt.code)
				}
				if took := time.Since(start); took > 20*time.Second {
					t.Errorf("it took %v", took)
				}
				b.must(t, "container", "prune", "--force")
				b.nothingLeft(t)
			})
		}
	}
}

// TestAReaderThatLeaves is "learnbox run tiny yes | head -n 1".
func TestAReaderThatLeaves(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	for name, flags := range map[string][]string{
		"its command": {"--rm"}, "with --init": {"--rm", "--init"},
		"a monitor": nil, "a monitor, with --init": {"--init"}, "a monitor, at a terminal": {"--rm", "-t"},
	} {
		t.Run(name, func(t *testing.T) {
			privtest.NoTrace(t)
			cmd := b.command(t, "learnbox", append(append([]string{"run"}, flags...), "tiny", "yes")...)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			first := make([]byte, 2)
			if _, err := io.ReadFull(out, first); err != nil || first[0] != 'y' { // and an end of line
				t.Errorf("read %q, %v", first, err)
			}
			out.Close()
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code <= 0 || code == 125 {
				t.Errorf("exit code %d, want that of a program with a broken pipe", code)
			}
			b.must(t, "container", "prune", "--force")
			b.nothingLeft(t)
		})
	}
}

// startReady starts a command whose program says that it is ready, and waits for that.
func startReady(t *testing.T, cmd *exec.Cmd) (out io.ReadCloser) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err == nil {
		_, err = io.ReadFull(out, make([]byte, len("ready\n")))
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestInitPassesSignalsOn: without a handler of its own the program dies of
// them, which as PID 1 it would not.
func TestInitPassesSignalsOn(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	for _, sig := range []unix.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGUSR1} {
		t.Run(unix.SignalName(sig), func(t *testing.T) {
			privtest.NoTrace(t)
			cmd := b.command(t, "learnbox", "run", "--rm", "--init", "tiny", "sh", "-c", "echo ready; exec sleep 300")
			startReady(t, cmd)
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if code, want := cmd.ProcessState.ExitCode(), 128+int(sig); code != want {
				t.Errorf("exit code %d, want %d", code, want)
			}
			b.nothingLeft(t)
		})
	}
}

// TestTheInitHoldsNothing looks for descriptors that could lead out of the container.
func TestTheInitHoldsNothing(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	for _, args := range [][]string{{}, {"-t"}, {"--init"}, {"-t", "--init"}, {"-i"}, {"--pid", "host"}, {"--privileged"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			stdout, _, code := b.run(t, append(append([]string{"run", "--rm", "-q"}, args...), "tiny", "sh", "-c", "ls /proc/self/fd | tr -d '\\r\\n'")...)
			if stdout != "0123" || code != 0 { // 3 is ls's own
				t.Errorf("the program has the descriptors %q (code %d)", stdout, code)
			}
		})
	}
	// The small init of --init may have some of its own, but no file, no directory, no socket.
	stdout, _, _ := b.run(t, "run", "--rm", "--init", "tiny", "sh", "-c", "for fd in /proc/1/fd/*; do readlink $fd; done")
	for line := range strings.Lines(stdout) {
		if known := strings.HasPrefix(line, "pipe:") || strings.HasPrefix(line, "anon_inode:") || line == "/dev/null\n"; !known {
			t.Errorf("the init holds %s", line)
		}
	}
}
