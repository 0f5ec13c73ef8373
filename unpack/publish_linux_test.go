package unpack

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	digest "github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/privtest"
	"github.com/learnbox/learnbox/narrate"
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

func TestFlattenTwice(t *testing.T) {
	privtest.Require(t, "root")
	dir := rootDir(t)
	all := goodLayers()
	if path, ok := Path(dir, all); ok || path == "" {
		t.Errorf("before: Path = %q, %v", path, ok)
	}
	var phases []narrate.Phase
	var done []digest.Digest
	o := Options{
		Narrate:  func(e narrate.Event) { phases = append(phases, e.Phase) },
		Progress: func(d digest.Digest) { done = append(done, d) },
	}
	path, err := Flatten(t.Context(), dir, all, o)
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		all[i].Open = func(context.Context) (io.ReadCloser, error) { return nil, errors.New("opened again") }
	}
	again, err := Flatten(t.Context(), dir, all, o)
	if err != nil || again != path {
		t.Errorf("again: %q, %v, want %q", again, err, path)
	}
	if got, ok := Path(dir, all); !ok || got != path {
		t.Errorf("Path = %q, %v, want %q", got, ok, path)
	}
	if got := fmt.Sprint(phases); got != "[begin done skip]" {
		t.Errorf("told %s", got)
	}
	if len(done) != 2 || done[0] != all[0].Digest || done[1] != all[1].Digest {
		t.Errorf("progress %v", done)
	}
	if fi, err := os.Stat(dir); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("above the tree: %v, %v, want 0700", fi.Mode(), err)
	}
}

func TestOpenDirectoryIsClosed(t *testing.T) {
	privtest.Require(t, "root")
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Flatten(t.Context(), dir, goodLayers(), Options{}); err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(dir); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v, want 0700", fi.Mode(), err)
	}
}

func TestKilledInTheMiddle(t *testing.T) {
	privtest.Require(t, "root")
	dir := rootDir(t)
	for range 2 {
		cmd := child(t, "hang", dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(out, make([]byte, len("halfway"))); err != nil {
			t.Fatal(err)
		}
		if path, ok := Path(dir, goodLayers()); ok {
			t.Fatalf("half a tree is published as %s", path)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // says that it was killed
	}
	if left := leftovers(t, dir); len(left) != 2 {
		t.Fatalf("the killed process left %v, want its tree and its lock", left)
	}
	// Another image finds it.
	if _, err := Flatten(t.Context(), dir, layers(t, []item{file("other", "")}), Options{}); err != nil {
		t.Fatal(err)
	}
	if left := leftovers(t, dir); left != nil {
		t.Errorf("nobody removed %v", left)
	}
	path, err := Flatten(t.Context(), dir, goodLayers(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := listing(t, path); !strings.HasPrefix(got, "d/ d/a=1 d/b=222") {
		t.Errorf("got %.40s", got)
	}
}

func TestOwnLeftoversAreReplaced(t *testing.T) {
	privtest.Require(t, "root")
	dir := rootDir(t)
	path, _ := Path(dir, goodLayers())
	stage := filepath.Join(dir, stagePrefix+filepath.Base(path))
	if err := os.MkdirAll(filepath.Join(stage, "old"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Flatten(t.Context(), dir, goodLayers(), Options{}); err != nil {
		t.Fatal(err)
	}
	if got := listing(t, path); strings.Contains(got, "old") {
		t.Error("a dead process's files are in the tree")
	}
}

// The living are left alone: they hold their lock.
func TestSweepSparesTheLiving(t *testing.T) {
	privtest.Require(t, "root")
	dir := rootDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	halfway := make(chan bool)
	wg.Go(func() {
		if _, err := Flatten(ctx, dir, hangingLayer(func() { halfway <- true }), Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	})
	<-halfway
	if _, err := Flatten(t.Context(), dir, layers(t, []item{file("other", "")}), Options{}); err != nil {
		t.Error(err)
	}
	if left := leftovers(t, dir); len(left) != 2 {
		t.Errorf("of the other one there is %v, want its tree and its lock", left)
	}
	cancel()
	wg.Wait()
	if left := leftovers(t, dir); left != nil {
		t.Errorf("cancelling left %v", left)
	}
}

// A second process waits for the first, and then finds its work done.
func TestSecondWaitsForTheFirst(t *testing.T) {
	privtest.Require(t, "root")
	dir := rootDir(t)
	all := goodLayers()
	open := all[1].Open
	release := make(chan bool)
	opened := make(chan bool)
	all[1].Open = func(ctx context.Context) (io.ReadCloser, error) {
		close(opened)
		<-release
		return open(ctx)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := Flatten(t.Context(), dir, all, Options{}); err != nil {
			t.Errorf("first: %v", err)
		}
	})
	<-opened
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Flatten(ctx, dir, goodLayers(), Options{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting without patience: %v", err)
	}
	cmd := child(t, "flatten", dir)
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	close(release)
	wg.Wait()
	path, ok := Path(dir, all)
	before := lstat(t, path).Ino
	if err := cmd.Wait(); err != nil || !ok || strings.TrimSpace(out.String()) != path {
		t.Errorf("second: %q, %v, want %q", out.String(), err, path)
	}
	if after := lstat(t, path).Ino; after != before {
		t.Error("the second process did the work again")
	}
	if left := leftovers(t, dir); left != nil {
		t.Errorf("left %v", left)
	}
}

func TestManyAtOnce(t *testing.T) {
	privtest.Require(t, "root")
	dir := rootDir(t)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if out, err := child(t, "flatten", dir).Output(); err != nil {
				t.Errorf("%s: %v", out, err)
			}
		})
		for range 8 {
			wg.Go(func() {
				if _, err := Flatten(t.Context(), dir, goodLayers(), Options{}); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if left := leftovers(t, dir); left != nil {
		t.Errorf("left %v", left)
	}
}

// TestFullDisk unpacks to a tmpfs of 1 MiB, in a process with mounts of its own.
func TestFullDisk(t *testing.T) {
	privtest.Require(t, "root")
	privtest.NoTrace(t)
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

func TestRemove(t *testing.T) {
	privtest.Require(t, "root")
	v := newVictim(t)
	before := v.state(t)
	deep := strings.Repeat("d/", 1000)
	path, err := Flatten(t.Context(), v.rootfs, layers(t, v.aim([]item{
		file("etc/passwd", "x"), symlink("l", "{victim}"), symlink("etc/l", "{up}"), file(deep+"f", "x"),
		folder("closed").with(func(h *tar.Header) { h.Mode = 0 }),
	})), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second finds nothing
		if err := Remove(path); err != nil {
			t.Fatal(err)
		}
		if entries, err := os.ReadDir(v.rootfs); err != nil || len(entries) != 0 {
			t.Errorf("left %v, %v", entries, err)
		}
	}
	if after := v.state(t); after != before {
		t.Errorf("outside of the root\nbefore: %s\nafter:  %s", before, after)
	}
	if err := Remove(filepath.Join(t.TempDir(), "none", filepath.Base(path))); err != nil {
		t.Errorf("below a directory that is missing: %v", err)
	}
	for _, foreign := range []string{v.path, v.rootfs, "/", "", ".", "..", filepath.Join(v.rootfs, ".tmp-x")} {
		if err := Remove(foreign); err == nil || !strings.Contains(err.Error(), "not the directory of an unpacked image") {
			t.Errorf("Remove(%q) = %v", foreign, err)
		}
	}
}

// Links make trees deeper than any path, and than a process may open directories.
func TestRemoveDeeperThanDescriptors(t *testing.T) {
	privtest.Require(t, "root")
	var items []item
	deep := strings.Repeat("descending/", 300)
	for i := range 3 {
		if i > 0 {
			deep = fmt.Sprintf("l%d/", i-1) + strings.Repeat("descending/", 300)
		}
		items = append(items, folder(deep), symlink(fmt.Sprintf("l%d", i), "/"+deep))
	}
	items = append(items, file("l2/f", "x"))
	path, err := Flatten(t.Context(), rootDir(t), layers(t, items), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	few := old
	few.Cur = 100
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Setrlimit(unix.RLIMIT_NOFILE, &old) }()
	if err := Remove(path); err != nil {
		t.Errorf("900 levels with 100 descriptors: %v", err)
	}
}
