package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/privtest"
)

// A session is learnbox in a real terminal.
type session struct {
	t   *testing.T
	tty *os.File
	cmd *exec.Cmd

	mu     sync.Mutex
	screen bytes.Buffer // what was not seen yet
	all    bytes.Buffer
}

// seen is all that the screen has shown.
func (s *session) seen() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.String()
}

// learnboxCommand is the test binary under the name learnbox, with a root of its own.
func learnboxCommand(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	privtest.NoTrace(t)
	privtest.Require(t, "root", "overlay", "cgroup", "tiny")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	link := filepath.Join(t.TempDir(), "learnbox")
	if err := os.Symlink(self, link); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, link, args...)
	cmd.Env = append(os.Environ(), "LEARNBOX_ROOT="+filepath.Join(t.TempDir(), "root"), "LEARNBOX_CONFIG=/nonexistent")
	return cmd
}

func startSession(t *testing.T, args ...string) *session {
	t.Helper()
	return startCommand(t, learnboxCommand(t, args...))
}

func startCommand(t *testing.T, cmd *exec.Cmd) *session {
	t.Helper()
	s := &session{t: t, cmd: cmd}
	master, err := pty.StartWithSize(s.cmd, &pty.Winsize{Rows: 31, Cols: 97})
	if err != nil {
		t.Fatal(err)
	}
	// A file that does not block, so that Close ends a Read and hangs up.
	fd, err := unix.FcntlInt(master.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	master.Close()
	s.tty = os.NewFile(uintptr(fd), "terminal")
	t.Cleanup(func() { s.tty.Close(); _ = s.cmd.Process.Kill(); _ = s.cmd.Wait() })
	go func() { _, _ = io.Copy(s, s.tty) }()
	return s
}

func (s *session) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all.Write(p)
	return s.screen.Write(p)
}

func (s *session) typeIn(text string) {
	s.t.Helper()
	if _, err := s.tty.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

// see waits until the screen shows text behind what was seen before.
func (s *session) see(text string) {
	s.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		s.mu.Lock()
		all := s.screen.String()
		i := strings.Index(all, text)
		if i >= 0 {
			s.screen.Next(i + len(text))
		}
		s.mu.Unlock()
		if i >= 0 {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the terminal never showed %q; it shows\n%s", text, all)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// end waits for the exit code.
func (s *session) end() int {
	s.t.Helper()
	_ = s.cmd.Wait()
	return s.cmd.ProcessState.ExitCode()
}

func (s *session) localModes() uint32 {
	s.t.Helper()
	modes, err := unix.IoctlGetTermios(int(s.tty.Fd()), unix.TCGETS)
	if err != nil {
		s.t.Fatal(err)
	}
	return modes.Lflag
}

func TestTerminal(t *testing.T) {
	privtest.NoTrace(t)
	s := startSession(t, "run", "--rm", "-it", "tiny")
	before := s.localModes()
	s.see("/# ")

	s.typeIn("stty size; tty\n")
	s.see("31 97")
	s.see("/dev/pts/0")

	// Ctrl-C ends the program in the foreground, not the shell and not learnbox.
	s.typeIn("sleep 1000; echo after-$?\n")
	s.see("sleep 1000")
	<-time.After(300 * time.Millisecond)
	s.typeIn("\x03")
	s.typeIn("echo still-$((40+2))\n")
	s.see("still-42")

	// Ctrl-Z stops it: job control works.
	s.typeIn("sleep 2000\n")
	<-time.After(300 * time.Millisecond)
	s.typeIn("\x1a")
	s.see("Stopped")
	s.typeIn("kill -9 %1; wait\n")

	// Every resize arrives.
	if err := pty.Setsize(s.tty, &pty.Winsize{Rows: 40, Cols: 120}); err != nil {
		t.Fatal(err)
	}
	s.typeIn("until stty size | grep -q '40 120'; do :; done; echo resized-$((6*7))\n")
	s.see("resized-42")

	if s.localModes()&unix.ICANON != 0 {
		t.Error("the user's terminal is not raw while the program runs")
	}
	s.typeIn("exit 5\n")
	if code := s.end(); code != 5 {
		t.Errorf("exit code %d, want 5", code)
	}
	if after := s.localModes(); after != before {
		t.Errorf("the terminal's modes are %#x, were %#x", after, before)
	}
}

// TestTheFirstSizeIsRight runs a program that asks once and at once.
func TestTheFirstSizeIsRight(t *testing.T) {
	for range 5 {
		s := startSession(t, "run", "--rm", "-it", "tiny", "stty", "size")
		s.see("31 97")
		s.end()
	}
}

func TestTerminalWithoutInput(t *testing.T) {
	s := startSession(t, "run", "--rm", "-t", "tiny", "sh", "-c", "test -t 1 && echo is-a-terminal; echo $TERM")
	s.see("is-a-terminal")
	s.see("xterm")
	if code := s.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestInputWithoutTerminal(t *testing.T) {
	s := startSession(t, "run", "--rm", "-i", "tiny", "sh", "-c", "test -t 0 || echo no-terminal; cat")
	s.see("no-terminal")
	s.typeIn("typed\n\x04")
	s.see("typed")
	if code := s.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestHangUp closes the terminal under a shell: the command goes, the container stays as in
// Docker, and somebody else can attach to it.
func TestHangUp(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	for _, end := range []string{"its terminal is closed", "it is killed"} {
		t.Run(end, func(t *testing.T) {
			privtest.NoTrace(t)
			s := startCommand(t, b.command(t, "learnbox", "run", "--rm", "-it", "--name", "box", "tiny"))
			s.see("/# ")
			s.typeIn("left=behind\r")
			s.see("/# ")
			if end == "it is killed" {
				_ = s.cmd.Process.Kill()
			}
			s.tty.Close()
			s.end()
			b.until(t, "box", "Up")
			next := startCommand(t, b.command(t, "learnbox", "attach", "box"))
			next.typeIn("echo $left; exit 7\r")
			next.see("behind")
			if code := next.end(); code != 7 {
				t.Errorf("exit code %d, want 7", code)
			}
			b.nothingLeft(t)
		})
	}
}

// TestKilledCommand kills the command of a container that is kept.
func TestKilledCommand(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	cmd := b.command(t, "learnbox", "run", "-i", "--name", "box", "tiny", "sh", "-c", "echo ready; cat; sleep 0.1; echo done; exit 6")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	startReady(t, cmd)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	// Its input has ended with its only client. What it says is not lost.
	if code := strings.TrimSpace(b.must(t, "wait", "box")); code != "6" {
		t.Errorf("it ended with %s, want 6", code)
	}
	if log := b.must(t, "logs", "box"); log != "ready\ndone\n" {
		t.Errorf("the log is %q", log)
	}
	b.must(t, "rm", "box")
	b.nothingLeft(t)
}

// TestSignalsGoToTheProgram sends signals to learnbox and reads what arrived.
func TestSignalsGoToTheProgram(t *testing.T) {
	privtest.NoTrace(t)
	for name, sig := range map[string]os.Signal{"TERM": unix.SIGTERM, "INT": unix.SIGINT, "HUP": unix.SIGHUP, "USR1": unix.SIGUSR1, "QUIT": unix.SIGQUIT} {
		t.Run(name, func(t *testing.T) {
			cmd := learnboxCommand(t, "run", "--rm", "tiny", "sh", "-c", "trap 'echo got; exit 3' "+name+"; echo ready; while :; do sleep 0.05; done")
			out := startReady(t, cmd)
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			rest, err := io.ReadAll(out)
			if err != nil || string(rest) != "got\n" {
				t.Errorf("read %q, %v", rest, err)
			}
			if _ = cmd.Wait(); cmd.ProcessState.ExitCode() != 3 {
				t.Errorf("exit code %d, want 3", cmd.ProcessState.ExitCode())
			}
		})
	}
}
