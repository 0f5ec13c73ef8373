package linux

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// born starts a birth, reaps the process and returns its status.
func born(t *testing.T, calls ...Prepared) (unix.WaitStatus, error) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	pid, err := Birth{Calls: calls}.Start()
	if pid == 0 {
		t.Fatal(err)
	}
	status, reapErr := Reap(pid)
	if reapErr != nil {
		t.Fatal(reapErr)
	}
	return status, err
}

func execve(t *testing.T, argv ...string) Prepared {
	t.Helper()
	c, err := ToExecve("/bin/sh", append([]string{"sh", "-c"}, argv...), []string{"A=b"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestBirth(t *testing.T) {
	status, err := born(t, ToSetsid(), execve(t, `test "$A$0" = bc && exit 7`, "c"))
	if err != nil || status.ExitStatus() != 7 {
		t.Errorf("status %#x, %v, want exit 7", status, err)
	}
	if status, err = born(t, execve(t, "kill -9 $$")); err != nil || status.Signal() != unix.SIGKILL {
		t.Errorf("status %#x, %v, want SIGKILL", status, err)
	}
}

// TestBirthTellsWhatFailed: the call by its number, its text, and its errno.
func TestBirthTellsWhatFailed(t *testing.T) {
	missing, err := ToExecve("/no/such/program", []string{"x", "y z"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		calls []Prepared
		index int
		errno error
		text  string
	}{
		"the first":  {[]Prepared{ToAdopt(99), ToSetsid()}, 0, unix.EBADF, "ioctl(99, TIOCSCTTY, 0): "},
		"in between": {[]Prepared{ToSetsid(), ToSetsid(), execve(t, "exit 0")}, 1, unix.EPERM, "setsid(): "},
		"the execve": {[]Prepared{ToSetsid(), missing}, 1, unix.ENOENT, `execve("/no/such/program", ["x", "y z"], … /* 0 vars */): `},
		"a lone one": {[]Prepared{missing}, 0, unix.ENOENT, "(ENOENT)"},
	} {
		t.Run(name, func(t *testing.T) {
			status, err := born(t, c.calls...)
			failed, ok := errors.AsType[*BirthError](err)
			if !ok || failed.Index != c.index || !errors.Is(err, c.errno) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v, want %s…%v at %d", err, c.text, c.errno, c.index)
			}
			if status.ExitStatus() != 127 {
				t.Errorf("status %#x, want exit 127", status)
			}
		})
	}
}

// TestBirthSends: a socket whose other end is closed ends it before the execve.
func TestBirthSends(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")
	defer theirs.Close()
	file := filepath.Join(t.TempDir(), "ran")
	if _, err := born(t, ToSend(theirs, []byte("hello")), execve(t, "exit 0")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 8)
	if n, err := ours.Read(got); err != nil || string(got[:n]) != "hello" {
		t.Errorf("read %q, %v", got[:n], err)
	}
	ours.Close()
	if _, err := born(t, ToSend(theirs, []byte("hello")), execve(t, `: > "$0"`, file)); !errors.Is(err, unix.EPIPE) {
		t.Errorf("got %v, want EPIPE", err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("the program ran")
	}
}

// TestBirthGivesTheProgramDefaults: signals are handled and blocked as a program
// expects, whatever the runtime of Go does with them.
func TestBirthGivesTheProgramDefaults(t *testing.T) {
	script := `cat /proc/self/status | grep -E '^Sig(Blk|Cgt)' | grep -v 0000000000000000 && exit 1; exit 0`
	if status, err := born(t, execve(t, script)); err != nil || status.ExitStatus() != 0 {
		t.Errorf("status %#x, %v", status, err)
	}
}
