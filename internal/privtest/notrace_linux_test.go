package privtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestNoTraceSees leaves something of each kind on the machine and takes it away
// once NoTrace has complained.
func TestNoTraceSees(t *testing.T) {
	Require(t, "root", "cgroup")
	NoTrace(t)
	tests := map[string]struct {
		leave func(t *testing.T) (undo func())
		want  string
	}{
		"nothing": {leave: func(*testing.T) func() { return func() {} }},
		"a mount": {leave: leaveMount, want: "left behind: mount 0:"},
		"a cgroup of learnbox": {
			leave: func(t *testing.T) func() { return leaveCgroup(t, "learnbox-left") },
			want:  "left behind: cgroup /",
		},
		"a cgroup of somebody else":    {leave: func(t *testing.T) func() { return leaveCgroup(t, "privtest-left") }},
		"a process, by its first word": {leave: func(t *testing.T) func() { return leaveProcess(t, "learnbox-init") }, want: "(sleep), started"},
		"a child of the test":          {leave: func(t *testing.T) func() { return leaveProcess(t, "sleep") }, want: "left behind: process "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var undo func()
			f := (&fakeT{}).run(func(fake testing.TB) {
				before, err := snapshot()
				if err != nil {
					t.Fatal(err)
				}
				undo = tt.leave(t)
				if diff := waitSame(before, snapshot, 50*time.Millisecond); diff != "" {
					fake.Errorf("%s", diff)
				}
			})
			undo()
			if !strings.Contains(f.failed, tt.want) || (f.failed == "") != (tt.want == "") {
				t.Errorf("NoTrace said %q, want %q", f.failed, tt.want)
			}
		})
	}
}

func TestNoTraceSeesWhatIsGone(t *testing.T) {
	Require(t, "root")
	NoTrace(t)
	undo := leaveMount(t)
	before, err := snapshot()
	if err != nil {
		t.Fatal(err)
	}
	undo()
	if diff := waitSame(before, snapshot, 0); !strings.Contains(diff, "gone: mount ") {
		t.Errorf("a mount that went away: %q", diff)
	}
}

// TestNoTraceTakesTurns holds the lock as another package would.
func TestNoTraceTakesTurns(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	path := filepath.Join(os.TempDir(), fmt.Sprintf("learnbox-privtest-%d.lock", os.Geteuid()))
	other, err := lockFile(path)
	if err != nil {
		t.Fatal(err)
	}
	entered := make(chan *fakeT)
	go func() { entered <- (&fakeT{}).run(func(t testing.TB) { NoTrace(t); NoTrace(t) }) }()
	select {
	case <-entered:
		t.Error("NoTrace did not wait for the test that holds the lock")
	case <-time.After(100 * time.Millisecond):
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if f := <-entered; f.failed != "" {
		t.Errorf("a test that leaves nothing: %s", f.failed)
	}
	again, err := lockFile(path)
	if err != nil {
		t.Fatalf("the lock was not given back: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestProbesLeaveNothing runs every probe of the kernel, whatever its answer.
func TestProbesLeaveNothing(t *testing.T) {
	NoTrace(t)
	t.Setenv("TMPDIR", t.TempDir())
	ns, err := os.Readlink("/proc/self/ns/mnt")
	if err != nil {
		t.Fatal(err)
	}
	// Often enough that one of the goroutines starts on the first thread.
	for range 20 {
		for _, name := range features() {
			_ = probe(name)
		}
		if now, err := os.Readlink("/proc/self/ns/mnt"); now != ns {
			t.Fatalf("a probe moved the test into %s (%v), want %s", now, err, ns)
		}
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) != 0 {
		t.Errorf("the probes left %v in the temporary directory (%v)", left, err)
	}
	mounts, err := cgroupMounts()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mounts {
		if left, _ := filepath.Glob(filepath.Join(m.dir, fmt.Sprintf("privtest-%d-*", os.Getpid()))); len(left) != 0 {
			t.Errorf("the probes left %v", left)
		}
	}
}

func leaveMount(t *testing.T) func() {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=4k"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	}
}

func leaveCgroup(t *testing.T, name string) func() {
	t.Helper()
	mounts, err := cgroupMounts()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mounts {
		if !hasPids(m) {
			continue
		}
		dir := filepath.Join(m.dir, name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		return func() {
			if err := os.Remove(dir); err != nil {
				t.Error(err)
			}
		}
	}
	t.Fatal("no cgroup with pids")
	return nil
}

func leaveProcess(t *testing.T, argv0 string) func() {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sleep", "60")
	cmd.Args[0] = argv0
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}
