package atomicfile_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/learnbox/learnbox/internal/atomicfile"
)

func TestWrite(t *testing.T) {
	writers := map[string]func(string, []byte, fs.FileMode) error{
		"durable": atomicfile.Write, "volatile": atomicfile.WriteVolatile,
	}
	for name, write := range writers {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state.json")
			for _, content := range []string{"first", "second, and longer", ""} {
				if err := write(path, []byte(content), 0o646); err != nil {
					t.Fatal(err)
				}
				if got, err := os.ReadFile(path); err != nil || string(got) != content {
					t.Errorf("read %q, %v, want %q", got, err, content)
				}
				if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o646 {
					t.Errorf("mode %v, %v, want 0646 whatever the umask", fi.Mode(), err)
				}
			}
			if names := list(t, filepath.Dir(path)); len(names) != 1 {
				t.Errorf("left behind: %v", names)
			}
		})
	}
}

func TestWriteFailsWithoutATrace(t *testing.T) {
	dir := t.TempDir()
	// A directory cannot be replaced by a file: rename(2) says EISDIR.
	if err := os.Mkdir(filepath.Join(dir, "taken"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Write(filepath.Join(dir, "taken"), []byte("x"), 0o600); err == nil {
		t.Error("a directory was replaced")
	}
	if names := list(t, dir); len(names) != 1 {
		t.Errorf("left behind: %v", names)
	}
	err := atomicfile.Write(filepath.Join(dir, "missing", "f"), nil, 0o600)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("into a missing directory: %v, want fs.ErrNotExist", err)
	}
}

// Readers beside a writer see one whole version each time.
func TestReadersSeeWholeVersions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	versions := [][]byte{bytes.Repeat([]byte("a"), 70_000), bytes.Repeat([]byte("b"), 10)}
	if err := atomicfile.WriteVolatile(path, versions[0], 0o600); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 300 {
			if err := atomicfile.WriteVolatile(path, versions[i%2], 0o600); err != nil {
				t.Error(err)
			}
		}
	})
	for range 300 {
		got, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, versions[0]) && !bytes.Equal(got, versions[1]) {
			t.Fatalf("read %d bytes, %v: neither version", len(got), err)
		}
	}
	wg.Wait()
}

func TestRemoveStale(t *testing.T) {
	dir := t.TempDir()
	dead := filepath.Join(dir, ".state.json.atomic-dead")
	alive := filepath.Join(dir, ".state.json.atomic-alive")
	for _, p := range []string{dead, alive, filepath.Join(dir, "state.json"), filepath.Join(dir, ".hidden")} {
		if err := os.WriteFile(p, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l, err := atomicfile.TryAcquire(alive)
	if err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.RemoveStale(dir); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(list(t, dir), " "), ".hidden .state.json.atomic-alive state.json"; got != want {
		t.Errorf("left: %s, want %s", got, want)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.RemoveStale(filepath.Join(dir, "missing")); err != nil {
		t.Errorf("missing directory: %v", err)
	}
}

// A writer whose temporary file is swept between creation and lock goes on.
func TestWriteBesideRemoveStale(t *testing.T) {
	dir := t.TempDir()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if err := atomicfile.RemoveStale(dir); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for range 500 {
		if err := atomicfile.WriteVolatile(filepath.Join(dir, "f"), []byte("x"), 0o600); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	wg.Wait()
}

func TestLocksExclude(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := atomicfile.Acquire(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := atomicfile.TryAcquire(path); !errors.Is(err, atomicfile.ErrLocked) {
		t.Errorf("try on a held lock: %v, want ErrLocked", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := atomicfile.Acquire(ctx, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting for a held lock: %v, want the context's error", err)
	}
	if _, err := atomicfile.Share(ctx, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("sharing a lock held exclusively: %v, want the context's error", err)
	}
	got := make(chan error)
	go func() {
		l, err := atomicfile.Acquire(t.Context(), path)
		if err == nil {
			err = l.Release()
		}
		got <- err
	}()
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Errorf("after the release: %v", err)
	}
}

func TestLockFileBrieflyWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	holder, err := atomicfile.Acquire(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got := make(chan error, 1)
	go func() { got <- atomicfile.LockFileBriefly(f) }()
	select {
	case err := <-got:
		t.Fatalf("on a held lock: %v, want to wait", err)
	case <-time.After(20 * time.Millisecond):
	}
	if err := holder.Release(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	if _, err := atomicfile.TryAcquire(path); !errors.Is(err, atomicfile.ErrLocked) {
		t.Errorf("try beside it: %v, want ErrLocked", err)
	}
}

func TestSharersShare(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	a, err := atomicfile.Share(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := atomicfile.Share(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := atomicfile.TryAcquire(path); !errors.Is(err, atomicfile.ErrLocked) {
		t.Errorf("exclusive beside sharers: %v, want ErrLocked", err)
	}
	if err := errors.Join(a.Release(), b.Release()); err != nil {
		t.Fatal(err)
	}
	l, err := atomicfile.TryAcquire(path)
	if err != nil {
		t.Fatalf("after the sharers left: %v", err)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
}

// The kernel gives the lock back when its holder is killed.
func TestKilledHolderLosesTheLock(t *testing.T) {
	if path := os.Getenv("ATOMICFILE_TEST_HOLD"); path != "" {
		l, err := atomicfile.Acquire(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = os.Stdout.WriteString("held\n")
		time.Sleep(time.Hour)
		runtime.KeepAlive(l) // or the collector closes its file, and the lock is gone
	}
	path := filepath.Join(t.TempDir(), "lock")
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledHolderLosesTheLock$")
	cmd.Env = append(os.Environ(), "ATOMICFILE_TEST_HOLD="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	if _, err := atomicfile.TryAcquire(path); !errors.Is(err, atomicfile.ErrLocked) {
		t.Errorf("beside the other process: %v, want ErrLocked", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	l, err := atomicfile.TryAcquire(path)
	if err != nil {
		t.Fatalf("after kill -9: %v", err)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
