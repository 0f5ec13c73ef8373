package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/privtest"
)

const childEnv = "LEARNBOX_TEST_CGROUP_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		tryDevices(dir)
		os.Exit(0)
	}
	os.Exit(serveFirst(m))
}

// layouts are the kinds of hierarchy that this machine has.
func layouts(t *testing.T) map[string]Hierarchy {
	t.Helper()
	privtest.Require(t, "root", "cgroup")
	h, err := Detect()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]Hierarchy{fmt.Sprintf("v%d", h.Version): h}
	if h.Unified != "" {
		found["v2"] = Hierarchy{Version: 2, Trees: []Tree{{Dir: h.Unified, root: "/"}}}
	}
	return found
}

// testPath is a path that no other test uses. Whatever happens, nothing stays there.
func testPath(t *testing.T, h Hierarchy) string {
	t.Helper()
	privtest.NoTrace(t)
	top := fmt.Sprintf("learnbox-test-%d", os.Getpid())
	t.Cleanup(func() {
		g, err := Open(h, top)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(g.Kill(), g.Remove()); err != nil {
			t.Error(err)
		}
	})
	return top + "/c1"
}

func mustCreate(t *testing.T, h Hierarchy, rules ...specs.LinuxDeviceCgroup) *Group {
	t.Helper()
	g, err := Create(h, testPath(t, h))
	if err != nil {
		t.Fatal(err)
	}
	warnings, err := g.Limit(&specs.LinuxResources{Devices: rules})
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	return g
}

// run starts a command in the group: by being born there.
func run(t *testing.T, g *Group, cmd *exec.Cmd) *exec.Cmd {
	t.Helper()
	fd, err := g.FD()
	if err != nil {
		t.Fatal(err)
	}
	cmd.SysProcAttr = &unix.SysProcAttr{}
	if fd != nil {
		defer fd.Close()
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(fd.Fd())
	}
	if err := g.Inside(cmd.Start); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

func sleeper(t *testing.T) *exec.Cmd {
	t.Helper()
	return exec.CommandContext(t.Context(), "sleep", "1000")
}

// groupsOf is /proc/PID/cgroup without the numbers of the trees.
func groupsOf(t *testing.T, pid int) string {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestALifeInAGroup(t *testing.T) {
	for name, h := range layouts(t) {
		t.Run(name, func(t *testing.T) {
			before := groupsOf(t, os.Getpid())
			g := mustCreate(t, h)
			born := run(t, g, sleeper(t))
			moved := sleeper(t)
			if err := moved.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = moved.Wait() }()
			if err := g.Add(moved.Process.Pid); err != nil {
				t.Fatal(err)
			}
			for _, pid := range []int{born.Process.Pid, moved.Process.Pid} {
				if n := strings.Count(groupsOf(t, pid), ":/"+g.Path+"\n"); n != len(h.Trees) {
					t.Errorf("process %d is in %d of %d groups:\n%s", pid, n, len(h.Trees), groupsOf(t, pid))
				}
			}
			if after := groupsOf(t, os.Getpid()); after != before {
				t.Errorf("this process is now in\n%s, and was in\n%s", after, before)
			}
			want := []int{born.Process.Pid, moved.Process.Pid}
			slices.Sort(want)
			if got, err := g.Procs(); err != nil || !slices.Equal(got, want) {
				t.Errorf("Procs() = %v, %v, want %v", got, err, want)
			}
			if err := g.Kill(); err != nil {
				t.Error(err)
			}
			if got, err := g.Procs(); err != nil || len(got) > 0 {
				t.Errorf("after Kill: Procs() = %v, %v", got, err)
			}
			if err := g.Remove(); err != nil {
				t.Error(err)
			}
			for _, tree := range h.Trees {
				if _, err := os.Stat(filepath.Join(tree.Dir, filepath.Dir(g.Path))); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("left behind in %s: %v", tree.Dir, err)
				}
			}
			if err := errors.Join(g.Kill(), g.Remove()); err != nil {
				t.Errorf("once more: %v", err)
			}
		})
	}
}

func TestAGroupMustBeNew(t *testing.T) {
	for name, h := range layouts(t) {
		t.Run(name, func(t *testing.T) {
			g := mustCreate(t, h)
			if _, err := Create(h, g.Path); !errors.Is(err, fs.ErrExist) {
				t.Errorf("error %v, want that it exists", err)
			}
			if got, err := List(h, filepath.Dir(g.Path)); err != nil || !slices.Equal(got, []string{g.Path}) {
				t.Errorf("List() = %v, %v", got, err)
			}
			for _, dir := range g.Dirs() {
				if _, err := os.Stat(dir); err != nil {
					t.Errorf("the first one is no longer whole: %v", err)
				}
			}
		})
	}
}

func TestPathsThatLeaveTheTree(t *testing.T) {
	for _, path := range []string{"", ".", "..", "/", "/learnbox", "../x", "a/../../x"} {
		if g, err := Open(Hierarchy{Version: 2, Trees: []Tree{{Dir: "/nowhere"}}}, path); err == nil {
			t.Errorf("Open(%q) = %v", path, g.Path)
		}
	}
	if _, err := Create(Hierarchy{}, "x"); err == nil {
		t.Error("a group was made on a machine without trees")
	}
}

// A process may have made groups of its own, and forks while it is killed.
func TestKillOutrunsAForkBomb(t *testing.T) {
	for name, h := range layouts(t) {
		t.Run(name, func(t *testing.T) {
			g := mustCreate(t, h)
			bomb := "while :; do (sleep 100 &) done"
			if h.Dir("pids") != "" {
				bomb = "f() { f & f & }; while :; do f; done"
				limit := int64(500)
				if warnings, err := g.Limit(&specs.LinuxResources{Pids: &specs.LinuxPids{Limit: &limit}}); err != nil || len(warnings) > 0 {
					t.Fatal(err, warnings)
				}
			}
			for _, dir := range g.Dirs() {
				if err := mkdirs(dir, dir+"/own", func(string) error { return nil }); err != nil {
					t.Fatal(err)
				}
			}
			run(t, g, exec.CommandContext(t.Context(), "sh", "-c", "echo 0 >"+g.Dirs()[0]+"/own/cgroup.procs; "+bomb))
			for end := time.Now().Add(30 * time.Second); ; {
				pids, err := g.Procs()
				if err != nil {
					t.Fatal(err)
				}
				if len(pids) > 40 {
					break
				}
				if time.Now().After(end) {
					t.Fatalf("only %d processes", len(pids))
				}
			}
			if err := errors.Join(g.Kill(), g.Remove()); err != nil {
				t.Error(err)
			}
		})
	}
}

// The group above is removed, by the end of another container, between two calls.
func TestMkdirsTriesAgain(t *testing.T) {
	root, calls := t.TempDir(), 0
	err := mkdirs(root, root+"/learnbox/c1", func(dir string) error {
		if calls++; calls > 1 {
			return nil
		}
		if err := os.Remove(dir); err != nil {
			t.Fatal(err)
		}
		return unix.ENOENT
	})
	if err != nil || calls != 3 {
		t.Errorf("error %v after %d calls, want 3", err, calls)
	}
}

func TestKillWithoutCgroupKill(t *testing.T) {
	h, ok := layouts(t)["v2"]
	if !ok {
		t.Skip("no tree of version 2")
	}
	g := mustCreate(t, h)
	cmd := run(t, g, sleeper(t))
	if err := g.killFrozen(g.Dirs()[0]); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("the process ended with %v", err)
	}
}

func TestTheCallerIsNotKilled(t *testing.T) {
	if err := killAll([]int{os.Getpid()}); err == nil {
		t.Error("no error")
	}
}

func TestAFrozenGroupIsNotEntered(t *testing.T) {
	h, ok := layouts(t)["v1"]
	if !ok || h.Dir("freezer") == "" {
		t.Skip("no freezer of version 1")
	}
	g := mustCreate(t, h)
	freezer := h.Dir("freezer") + "/" + g.Path
	if err := setFreezer(freezer, "FROZEN"); err != nil {
		t.Fatal(err)
	}
	err := g.Inside(func() error { t.Error("called"); return nil })
	if err == nil || !strings.Contains(err.Error(), "frozen") {
		t.Errorf("error %v", err)
	}
	if err := setFreezer(freezer, "THAWED"); err != nil {
		t.Error(err)
	}
}

func TestKillReachesWhatAContainerFroze(t *testing.T) {
	h, ok := layouts(t)["v1"]
	if !ok || h.Dir("freezer") == "" {
		t.Skip("no freezer of version 1")
	}
	g := mustCreate(t, h)
	cmd := run(t, g, sleeper(t))
	own := h.Dir("freezer") + "/" + g.Path + "/own"
	if err := mkdirs(own, own, func(string) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(writeFile(own+"/cgroup.procs", fmt.Sprint(cmd.Process.Pid)), setFreezer(own, "FROZEN")); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(g.Kill(), g.Remove()); err != nil {
		t.Error(err)
		_ = setFreezer(own, "THAWED")
	}
}

func TestInsideReturnsTheErrorAndTheThread(t *testing.T) {
	for name, h := range layouts(t) {
		t.Run(name, func(t *testing.T) {
			g := mustCreate(t, h)
			broken := errors.New("broken")
			if err := g.Inside(func() error { return broken }); !errors.Is(err, broken) {
				t.Errorf("error %v", err)
			}
			if pids, err := g.Procs(); err != nil || len(pids) > 0 {
				t.Errorf("Procs() = %v, %v", pids, err)
			}
		})
	}
}

// What a killed learnbox leaves may be a part of a group.
func TestTheRestOfAGroupIsRemoved(t *testing.T) {
	h, ok := layouts(t)["v1"]
	if !ok {
		t.Skip("a group of version 2 has one directory only")
	}
	g := mustCreate(t, h)
	for _, dir := range g.Dirs()[:3] {
		if err := rmdir(dir); err != nil {
			t.Fatal(err)
		}
	}
	left, err := List(h, filepath.Dir(g.Path))
	if err != nil || !slices.Equal(left, []string{g.Path}) {
		t.Fatalf("List() = %v, %v", left, err)
	}
	again, err := Open(h, left[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(again.Kill(), again.Remove()); err != nil {
		t.Error(err)
	}
}

// The groups above come and go while others need them.
func TestGroupsSideBySide(t *testing.T) {
	for name, h := range layouts(t) {
		t.Run(name, func(t *testing.T) {
			top := filepath.Dir(testPath(t, h))
			errs := make(chan error)
			const workers, rounds = 4, 15
			for w := range workers {
				go func() {
					errs <- func() error {
						for range rounds {
							g, err := Create(h, fmt.Sprintf("%s/c%d", top, w))
							if err != nil {
								return err
							}
							if err := errors.Join(g.Inside(func() error { return nil }), g.Remove()); err != nil {
								return err
							}
						}
						return nil
					}()
				}()
			}
			for range workers {
				if err := <-errs; err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestAHalfMadeGroupIsUndone(t *testing.T) {
	for name, h := range layouts(t) {
		t.Run(name, func(t *testing.T) {
			path := testPath(t, h)
			bad := append(slices.Clone(h.Trees), Tree{Dir: "/proc/self", Controllers: []string{"none"}, root: "/"})
			if h.Version == 2 {
				bad = []Tree{{Dir: "/proc/self"}}
			}
			if _, err := Create(Hierarchy{Version: h.Version, Trees: bad}, path); err == nil || !strings.Contains(err.Error(), "mkdir") {
				t.Fatalf("error %v", err)
			}
			if left, err := List(h, filepath.Dir(path)); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// TestCpusetOfVersion2 has files of other names than version 1, and a new group
// needs nothing copied into them.
func TestCpusetOfVersion2(t *testing.T) {
	h, ok := layouts(t)["v2"]
	if !ok {
		t.Skip("no version 2")
	}
	h.Trees = []Tree{{Dir: h.Trees[0].Dir, Controllers: []string{"cpuset", "cpu"}}}
	mustCreate(t, h)
}

func TestMounts(t *testing.T) {
	h := Hierarchy{Version: 1, Trees: []Tree{
		{Dir: "/cg/both", Controllers: []string{"cpu", "cpuacct"}},
		{Dir: "/cg/systemd", Controllers: []string{"name=systemd"}},
		{Dir: "/cg/pids", Controllers: []string{"pids"}},
	}}
	g, err := Open(h, "learnbox/7f3c")
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%q", g.Mounts())
	want := `[{"/cg/both/learnbox/7f3c" "cpu,cpuacct" ["cpu" "cpuacct"]} {"/cg/systemd/learnbox/7f3c" "systemd" []} {"/cg/pids/learnbox/7f3c" "pids" []}]`
	if got != want {
		t.Errorf("Mounts() = %s, want %s", got, want)
	}
	g.h = Hierarchy{Version: 2, Trees: []Tree{{Dir: "/cg"}}}
	if got, want := fmt.Sprintf("%q", g.Mounts()), `[{"/cg" "" []}]`; got != want {
		t.Errorf("v2: Mounts() = %s, want %s", got, want)
	}
}

// The whole of what a run pays for its group.
func TestHowLongAGroupTakes(t *testing.T) {
	for name, h := range layouts(t) {
		t.Run(name, func(t *testing.T) {
			var create, inside, remove []time.Duration
			path := testPath(t, h)
			for range 10 {
				start := time.Now()
				g, err := Create(h, path)
				if err == nil {
					_, err = g.Limit(&specs.LinuxResources{Devices: docker()})
				}
				if err != nil {
					t.Fatal(err)
				}
				created := time.Now()
				if err := g.Inside(func() error { return nil }); err != nil {
					t.Fatal(err)
				}
				entered := time.Now()
				if err := errors.Join(g.Kill(), g.Remove()); err != nil {
					t.Fatal(err)
				}
				create, inside, remove = append(create, created.Sub(start)), append(inside, entered.Sub(created)), append(remove, time.Since(entered))
			}
			median := func(d []time.Duration) time.Duration { slices.Sort(d); return d[len(d)/2] }
			t.Logf("%d trees: create %v, inside %v, kill and remove %v", len(h.Trees), median(create), median(inside), median(remove))
		})
	}
}

func TestThawAGroupThatIsGone(t *testing.T) {
	for name, h := range layouts(t) {
		g, err := Open(h, testPath(t, h))
		if err != nil {
			t.Fatal(err)
		}
		if err := g.Freeze(false); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := g.Freeze(true); err == nil {
			t.Errorf("%s: it was frozen", name)
		}
	}
}

// Whoever made the common group, its containers are counted as they would be at the top.
func TestTheCommonGroupHandsDown(t *testing.T) {
	h, ok := layouts(t)["v2"]
	if !ok || h.Version != 2 {
		t.Skip("no machine of version 2")
	}
	h.Common = common + "/"
	common := h.Trees[0].Dir + "/" + common
	if err := os.Mkdir(common, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		t.Fatal(err)
	}
	g, err := Create(h, h.PathOf("test"))
	if err != nil {
		t.Fatal(err)
	}
	for group, file := range map[string]string{common: subtreeControl, g.Dirs()[0]: "cgroup.controllers"} {
		given, err := readFile(common + "/cgroup.controllers")
		if got, gotErr := readFile(group + "/" + file); got != given || err != nil || gotErr != nil {
			t.Errorf("%s/%s is %q, want %q (%v, %v)", group, file, got, given, err, gotErr)
		}
	}
	if err := g.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(common); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left: %v", common, err)
	}
}

// TestTheCommonGroupGoesWithTheLast makes two groups in it, on either version.
func TestTheCommonGroupGoesWithTheLast(t *testing.T) {
	for name, h := range layouts(t) {
		t.Run(name, func(t *testing.T) {
			privtest.NoTrace(t)
			h.Common = common + "/"
			one, err := Create(h, h.PathOf("one"))
			if err != nil {
				t.Fatal(err)
			}
			two, err := Create(h, h.PathOf("two"))
			if err != nil {
				t.Fatal(err)
			}
			for _, dir := range two.Dirs() {
				if filepath.Base(filepath.Dir(dir)) != common {
					t.Errorf("a group stands at %s", dir)
				}
			}
			if err := one.Remove(); err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(two.Dirs()[0]); err != nil {
				t.Errorf("the other one went with the first: %v", err)
			}
			if err := two.Remove(); err != nil {
				t.Error(err)
			}
			for _, tree := range h.Trees {
				if _, err := os.Stat(tree.Dir + "/" + common); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("in %s the common group is left (%v)", tree.Dir, err)
				}
			}
		})
	}
}
