package cgroup

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
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
	os.Exit(m.Run())
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
	g, warnings, err := Create(h, testPath(t, h), &specs.LinuxResources{Devices: rules})
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
	cmd.SysProcAttr = &syscall.SysProcAttr{}
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
			if _, _, err := Create(h, g.Path, nil); !errors.Is(err, fs.ErrExist) {
				t.Errorf("error %v, want that it exists", err)
			}
			if got, err := List(h, filepath.Dir(g.Path)); err != nil || !slices.Equal(got, []string{g.Path}) {
				t.Errorf("List() = %v, %v", got, err)
			}
			for _, dir := range g.dirs() {
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
}

// A process may have made groups of its own, and forks while it is killed.
func TestKillOutrunsAForkBomb(t *testing.T) {
	for name, h := range layouts(t) {
		t.Run(name, func(t *testing.T) {
			g := mustCreate(t, h)
			if dir := h.Dir("pids"); dir != "" {
				if err := writeFile(dir+"/"+g.Path+"/pids.max", "300"); err != nil { // mercy on the other tests
					t.Fatal(err)
				}
			}
			for _, dir := range g.dirs() {
				if err := mkdirs(dir, dir+"/own", func(string) error { return nil }); err != nil {
					t.Fatal(err)
				}
			}
			bomb := run(t, g, exec.CommandContext(t.Context(), "sh", "-c",
				"echo 0 >"+g.dirs()[0]+"/own/cgroup.procs; while :; do (sleep 100 &) 2>/dev/null; done"))
			for end := time.Now().Add(5 * time.Second); ; {
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
			go func() { _ = bomb.Wait() }()
			if err := errors.Join(g.Kill(), g.Remove()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestKillWithoutCgroupKill(t *testing.T) {
	h, ok := layouts(t)["v2"]
	if !ok {
		t.Skip("no tree of version 2")
	}
	g := mustCreate(t, h)
	cmd := run(t, g, sleeper(t))
	if err := g.killFrozen(g.dirs()[0]); err != nil {
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
	for _, dir := range g.dirs()[:3] {
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

func TestAHalfMadeGroupIsUndone(t *testing.T) {
	for name, h := range layouts(t) {
		t.Run(name, func(t *testing.T) {
			path := testPath(t, h)
			bad := append(slices.Clone(h.Trees), Tree{Dir: "/proc/self", Controllers: []string{"none"}, root: "/"})
			if h.Version == 2 {
				bad = []Tree{{Dir: "/proc/self"}}
			}
			if _, _, err := Create(Hierarchy{Version: h.Version, Trees: bad}, path, nil); err == nil || !strings.Contains(err.Error(), "mkdir") {
				t.Fatalf("error %v", err)
			}
			if left, err := List(h, filepath.Dir(path)); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestLimitsAreNotDroppedSilently(t *testing.T) {
	for name, h := range layouts(t) {
		t.Run(name, func(t *testing.T) {
			limit := int64(6 << 20)
			_, warnings, err := Create(h, testPath(t, h), &specs.LinuxResources{
				Memory: &specs.LinuxMemory{Limit: &limit}, CPU: &specs.LinuxCPU{}, Pids: &specs.LinuxPids{Limit: &limit},
			})
			if err != nil || len(warnings) != 2 || !strings.Contains(warnings[0], "memory") || !strings.Contains(warnings[1], "pids") {
				t.Errorf("warnings %q, %v", warnings, err)
			}
		})
	}
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
	g.h.Version = 2
	if got := g.Mounts(); got != nil {
		t.Errorf("v2: Mounts() = %v", got)
	}
}

// tryDevices prints what becomes of each access to a device.
func tryDevices(dir string) {
	for _, d := range []struct {
		path  string
		flags int
	}{{"/dev/null", unix.O_RDWR}, {"/dev/zero", unix.O_RDONLY}, {"/dev/kmsg", unix.O_RDONLY}, {"/dev/random", unix.O_RDONLY}, {"/dev/random", unix.O_WRONLY}} {
		fd, err := unix.Open(d.path, d.flags|unix.O_CLOEXEC, 0)
		fmt.Printf("open %s %d: %v\n", d.path, d.flags, err)
		if err == nil {
			unix.Close(fd)
		}
	}
	for _, n := range []struct {
		mode         uint32
		major, minor uint32
	}{{unix.S_IFCHR, 1, 3}, {unix.S_IFCHR, 1, 7}, {unix.S_IFBLK, 7, 0}} {
		path := filepath.Join(dir, fmt.Sprint(n.mode, "-", n.major, "-", n.minor))
		err := unix.Mknod(path, n.mode|0o600, int(unix.Mkdev(n.major, n.minor)))
		fmt.Printf("mknod %#o %d:%d: %v\n", n.mode, n.major, n.minor, err)
	}
}

func TestDeviceRulesHold(t *testing.T) {
	null, zero := device(true, "c", 1, 3, "rw"), device(true, "c", 1, 5, "r")
	for name, tt := range map[string]struct {
		rules []specs.LinuxDeviceCgroup
		want  string // errors of the eight lines: - or EPERM as x
	}{
		"no rules":                  {nil, "--------"},
		"everything":                {[]specs.LinuxDeviceCgroup{{Allow: true, Access: "rwm"}}, "--------"},
		"nothing":                   {[]specs.LinuxDeviceCgroup{{Allow: false}}, "xxxxxxxx"},
		"Docker's":                  {docker(), "--x-----"},
		"Docker's without block":    {slices.Delete(docker(), 2, 3), "--x----x"},
		"two devices":               {[]specs.LinuxDeviceCgroup{{Allow: false}, null, zero}, "--xxxxxx"},
		"no default denies":         {[]specs.LinuxDeviceCgroup{zero}, "x-xxxxxx"},
		"all but writing to random": {[]specs.LinuxDeviceCgroup{{Allow: true}, device(false, "c", 1, 8, "w")}, "----x---"},
		"all but nodes of 1:7":      {[]specs.LinuxDeviceCgroup{{Allow: true}, device(false, "c", 1, 7, "m")}, "------x-"},
	} {
		for version, h := range layouts(t) {
			t.Run(version+" "+name, func(t *testing.T) {
				g := mustCreate(t, h, tt.rules...)
				cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
				cmd.Env = []string{childEnv + "=" + t.TempDir()}
				// Opened here: inside the group os/exec could not open its /dev/null.
				null, err := os.Open(os.DevNull)
				if err != nil {
					t.Fatal(err)
				}
				defer null.Close()
				cmd.Stdin, cmd.Stderr = null, os.Stderr
				out, err := cmd.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				run(t, g, cmd)
				got, lines := "", bufio.NewScanner(out)
				for lines.Scan() {
					switch {
					case strings.HasSuffix(lines.Text(), "<nil>"):
						got += "-"
					case strings.HasSuffix(lines.Text(), unix.EPERM.Error()):
						got += "x"
					default:
						t.Error(lines.Text())
					}
				}
				if got != tt.want {
					t.Errorf("%s, want %s", got, tt.want)
				}
			})
		}
	}
}

func TestRulesThatVersion1CannotKeepToAreRefused(t *testing.T) {
	h, ok := layouts(t)["v1"]
	if !ok {
		t.Skip("no version 1")
	}
	path := testPath(t, h)
	rules := &specs.LinuxResources{Devices: append(docker(), device(false, "c", 1, 3, "w"))}
	if _, _, err := Create(h, path, rules); err == nil || !strings.Contains(err.Error(), "takes back") {
		t.Errorf("error %v", err)
	}
	without := Hierarchy{Version: 1, Trees: slices.DeleteFunc(slices.Clone(h.Trees), func(tr Tree) bool { return tr.Controllers[0] == "devices" })}
	var hint interface{ Hint() string }
	if _, _, err := Create(without, path, &specs.LinuxResources{Devices: docker()}); !errors.As(err, &hint) {
		t.Errorf("error %v, want one with a hint", err)
	}
	if left, err := List(h, filepath.Dir(path)); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestARefusedFilterIsAnErrorWithAWayOut(t *testing.T) {
	f, err := os.Open(t.TempDir()) // no group
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	privtest.Require(t, "root")
	err = filterDevices(f, nil)
	var hint interface{ Hint() string }
	if !errors.As(err, &hint) {
		t.Errorf("error %v, want one with a hint", err)
	}
	if hint := (&deviceFilterError{unix.EPERM}).Hint(); !strings.Contains(hint, "CAP_BPF") {
		t.Errorf("hint %q", hint)
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
				g, _, err := Create(h, path, &specs.LinuxResources{Devices: docker()})
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
