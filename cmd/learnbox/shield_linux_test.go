package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/explain/whatif"
	"github.com/learnbox/learnbox/internal/privtest"
	"github.com/learnbox/learnbox/sandbox/cgroup"
)

// TestShieldHolds lets the learner's command loose on files of the machine.
func TestShieldHolds(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	victim := filepath.Join(b.dir, "victim")
	if err := os.Mkdir(victim, 0o777); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(victim, "file")
	if err := os.WriteFile(file, []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, run := range [][]string{
		{"--without", "rootfs.pivot", "tiny", "sh", "-c", fmt.Sprintf("rm -rf %[1]s; echo x >%[1]s/new; echo tried", victim)},
		{"--without", "ns.mount", "-v", victim + ":/data", "tiny", "sh", "-c", "rm -rf /data/*; echo x >/data/new; echo tried"},
	} {
		out := b.must(t, append([]string{"whatif"}, run...)...)
		if said := strings.Join(strings.Fields(out), " "); !strings.Contains(said, "tried") || !strings.Contains(said, "Read-only file system") {
			t.Errorf("whatif %q does not say that it failed:\n%s", run, out)
		}
		if data, err := os.ReadFile(file); err != nil || string(data) != "mine" {
			t.Errorf("after whatif %q the file says %q, %v", run, data, err)
		}
		if _, err := os.Stat(filepath.Join(victim, "new")); err == nil {
			t.Errorf("whatif %q made a file", run)
		}
	}
	b.nothingLeft(t)
}

// TestShieldIsVerified starts the inner half where there is no shield.
func TestShieldIsVerified(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	const all = unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWNET
	for name, c := range map[string]struct {
		flags uintptr
		shown bool
		args  []string
		want  string
	}{
		"on the machine":             {0, true, []string{whatif.Standing}, "not the first of a pid namespace"},
		"on the machine, to build":   {0, true, nil, "not the first of a pid namespace"},
		"nothing to compare with":    {all, false, nil, "nobody showed the mnt namespace"},
		"the machine's mounts":       {all &^ unix.CLONE_NEWNS, true, nil, "its mnt namespace is the machine's"},
		"the machine's name":         {all &^ unix.CLONE_NEWUTS, true, nil, "its uts namespace is the machine's"},
		"the machine's network":      {all &^ unix.CLONE_NEWNET, true, nil, "its net namespace is the machine's"},
		"the machine's groups":       {all, true, []string{whatif.Standing}, "its cgroup namespace is the machine's"},
		"a root that can be written": {all | unix.CLONE_NEWCGROUP, true, []string{whatif.Standing}, "its root can be written"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := b.command(t, "learnbox", c.args...)
			cmd.Args[0] = whatif.Name
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: c.flags}
			ours, theirs := socketPair(t)
			fmt.Fprintln(ours, "{}") // a Setup
			cmd.ExtraFiles = []*os.File{theirs}
			for _, kind := range []string{"mnt", "uts", "ipc", "net", "pid", "cgroup"} {
				if ns, err := os.Open("/proc/self/ns/" + kind); err != nil {
					t.Fatal(err)
				} else if c.shown {
					cmd.ExtraFiles = append(cmd.ExtraFiles, ns)
				}
			}
			if c.flags&unix.CLONE_NEWPID != 0 && c.flags&unix.CLONE_NEWNS != 0 {
				mountProcFirst(cmd)
			}
			var errs bytes.Buffer
			cmd.Stderr = &errs
			if err := cmd.Run(); err == nil || !strings.Contains(errs.String(), "this is no shield: ") || !strings.Contains(errs.String(), c.want) {
				t.Errorf("it ended with %v and said %q, want %q", err, &errs, c.want)
			}
		})
	}
}

// mountProcFirst has a shell mount the /proc of new namespaces, then become the
// program. Without it /proc/self is not there.
func mountProcFirst(cmd *exec.Cmd) {
	script := `mount --make-rprivate / && mount -t proc proc /proc && exec -a "$0" "$@"`
	cmd.Args = append([]string{"bash", "-c", script, cmd.Args[0], cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/bash"
}

func socketPair(t *testing.T) (ours, theirs *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs = os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return ours, theirs
}

// TestWhatifKilled kills learnbox at many moments, and once more when the
// program in the shield runs for sure.
func TestWhatifKilled(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	b.must(t, "whatif", "--without", "ns.uts", "tiny")
	for _, after := range []int{2, 5, 10, 15, 20, 30, 40, 60, 90, 120, 200, 600} {
		cmd := b.command(t, "learnbox", "whatif", "--without", "ns.uts", "tiny", "sleep", "1000")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Duration(after) * time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil {
			t.Error("it ended before it could be killed")
		}
		b.nobodyLeft(t)
		b.must(t, "ps")
		b.nothingLeft(t)
	}
}

// nobodyLeft waits until the groups of containers and shields have no process
// any more, by themselves: no command has repaired anything yet.
func (b bench) nobodyLeft(t *testing.T) {
	t.Helper()
	h, err := cgroup.Detect()
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join(b.root, "run"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if len(e.Name()) != len(noID) {
			continue
		}
		g, err := cgroup.Open(h, "learnbox-"+e.Name())
		if err != nil {
			t.Fatal(err)
		}
		pids, err := g.Procs()
		for end := time.Now().Add(2 * time.Second); len(pids) > 0 && time.Now().Before(end); pids, err = g.Procs() {
			<-time.After(time.Millisecond)
		}
		if len(pids) > 0 || err != nil {
			t.Errorf("processes %v of shield %s live on, %v", pids, e.Name(), err)
		}
	}
}

// TestWhatifInterrupted ends it as Ctrl-C does.
func TestWhatifInterrupted(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	cmd := b.command(t, "learnbox", "whatif", "--without", "ns.uts", "tiny", "sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-time.After(500 * time.Millisecond)
	if err := cmd.Process.Signal(unix.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 130 {
		t.Errorf("it ended with %v, want exit code 130", err)
	}
	b.nothingLeft(t)
}
