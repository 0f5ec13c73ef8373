package unpack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/privtest"
	"github.com/learnbox/learnbox/pull/store"
)

// The environment of a child says what it is to do in place of the tests.
const (
	childTask = "LEARNBOX_UNPACK_TASK"
	childDir  = "LEARNBOX_UNPACK_DIR"
)

func TestMain(m *testing.M) {
	if task := os.Getenv(childTask); task != "" {
		os.Exit(runChild(task, os.Getenv(childDir)))
	}
	// Flatten waits until everything that anybody wrote to the file system is on
	// the disk, and tests would do so a hundred times.
	if fi, err := os.Stat("/dev/shm"); err == nil && fi.IsDir() && os.Getenv("TMPDIR") == "" {
		_ = os.Setenv("TMPDIR", "/dev/shm")
	}
	os.Exit(m.Run())
}

// runChild is the other process of a test.
func runChild(task, dir string) int {
	var err error
	switch task {
	case "hang": // in the middle of the second layer, until killed
		stuck := hangingLayer(func() { fmt.Println("halfway") })
		_, err = Flatten(context.Background(), dir, stuck, Options{})
	case "flatten":
		var path string
		path, err = Flatten(context.Background(), dir, goodLayers(), Options{})
		fmt.Println(path)
	case "full":
		err = fillSmallDisk(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// child prepares this test binary as another process.
func child(t *testing.T, task, dir string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), childTask+"="+task, childDir+"="+dir)
	cmd.Stderr = t.Output()
	return cmd
}

// goodLayers are the same in every process.
func goodLayers() []store.Layer {
	t := &testing.T{}
	return layers(t, []item{folder("d"), file("d/a", "1")}, []item{file("d/b", strings.Repeat("2", 100_000))})
}

// hangingLayer is goodLayers, but the second stops in the middle, calls halfway,
// and goes on when its context ends, as a reader of the store does.
func hangingLayer(halfway func()) []store.Layer {
	all := goodLayers()
	open := all[1].Open
	all[1].Open = func(ctx context.Context) (io.ReadCloser, error) {
		r, err := open(ctx)
		left := 50_000
		return io.NopCloser(readFunc(func(p []byte) (int, error) {
			if left == 0 {
				halfway()
				<-ctx.Done()
				return 0, ctx.Err()
			}
			n, err := r.Read(p[:min(len(p), left)])
			left -= n
			return n, err
		})), err
	}
	return all
}

// TestFullDisk unpacks to a tmpfs of 1 MiB, in a process with mounts of its own.
func TestFullDisk(t *testing.T) {
	privtest.Require(t, "root")
	cmd := child(t, "full", t.TempDir())
	cmd.SysProcAttr = &unix.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	if out, err := cmd.Output(); err != nil {
		t.Errorf("%s: %v", out, err)
	}
}

// fillSmallDisk runs in the child.
func fillSmallDisk(dir string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := unix.Mount("small", dir, "tmpfs", 0, "size=1m,nr_inodes=100"); err != nil {
		return err
	}
	var many []item
	for i := range 200 {
		many = append(many, file(fmt.Sprintf("d/%d", i), "x"))
	}
	t := &testing.T{}
	for name, all := range map[string][]store.Layer{
		"bytes":  layers(t, []item{file("small", "x")}, []item{file("large", strings.Repeat("x", 2<<20))}),
		"inodes": layers(t, many),
	} {
		_, err := Flatten(context.Background(), dir, all, Options{})
		var hinted interface{ Hint() string }
		if !errors.Is(err, unix.ENOSPC) || !errors.As(err, &hinted) {
			return fmt.Errorf("%s: %w, want ENOSPC with a hint", name, err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 0 {
			return fmt.Errorf("%s: left %v, %w", name, entries, err)
		}
		var fs unix.Statfs_t
		if err := unix.Statfs(dir, &fs); err != nil || fs.Bfree != fs.Blocks {
			return fmt.Errorf("%s: %d of %d blocks are free, %w", name, fs.Bfree, fs.Blocks, err)
		}
	}
	return nil
}
