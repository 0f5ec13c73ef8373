package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/privtest"
)

// running starts a script whose program reads from in, and returns when that runs;
// pid is the program's.
func (b bench) running(t *testing.T, script string) (cmd *exec.Cmd, in io.WriteCloser, pid int) {
	t.Helper()
	cmd = b.shell(t, script)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	said, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fscanln(said, new(string)); err != nil {
		t.Fatalf("the program did not start: %v", err)
	}
	groups := groupsOf(t, script)
	if len(groups) == 0 {
		t.Fatal("the group is nowhere")
	}
	data, err := os.ReadFile(filepath.Join(groups[0], "cgroup.procs"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(string(data), &pid); err != nil {
		t.Fatalf("the group holds %q: %v", data, err)
	}
	return cmd, in, pid
}

// groupsOf are the directories of a script's control group.
func groupsOf(t *testing.T, script string) []string {
	t.Helper()
	group := regexp.MustCompile(`group=(learnbox-[0-9a-f]{64})`).FindStringSubmatch(script)
	if group == nil {
		t.Fatal("the script names no group")
	}
	var all []string
	for _, trees := range []string{"", "*"} { // version 2, version 1
		found, err := filepath.Glob(filepath.Join("/sys/fs/cgroup", trees, group[1]))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	return all
}

// TestByhandFromOutside looks at the program from the host: it has its streams and no
// other descriptor, it is no program of the host, and the mounts are its own.
func TestByhandFromOutside(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	cmd, in, pid := b.running(t, b.script(t, "-i", "tiny", "sh", "-c", "echo ready; exec cat"))
	proc := fmt.Sprintf("/proc/%d/", pid)
	fds, err := os.ReadDir(proc + "fd")
	if err != nil || len(fds) != 3 {
		t.Errorf("the program has the descriptors %v, want three (%v)", fds, err)
	}
	if exe, err := os.Readlink(proc + "exe"); err != nil || exe != "/bin/busybox" {
		t.Errorf("PID 1 is %q (%v)", exe, err)
	}
	for n, own := range map[string]bool{"ipc": true, "mnt": true, "net": true, "pid": true, "uts": true, "user": false, "time": false} {
		its, err := os.Readlink(proc + "ns/" + n)
		host, hostErr := os.Readlink("/proc/self/ns/" + n)
		if err = errors.Join(err, hostErr); err != nil || (its != host) != own {
			t.Errorf("namespace %s: %s, the host's is %s (%v)", n, its, host, err)
		}
	}
	stat, err := os.ReadFile(proc + "status")
	if err != nil || !regexp.MustCompile(`(?m)^NSpid:\t\d+\t1$`).Match(stat) {
		t.Errorf("it is not PID 1 of a namespace: %s (%v)", stat, err)
	}
	if mounts, err := os.ReadFile("/proc/self/mountinfo"); err != nil || strings.Contains(string(mounts), b.tmp()) {
		t.Errorf("its mounts are the host's, too: %s (%v)", mounts, err)
	}
	if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
		t.Error(err)
	}
	b.tidy(t)
}

// TestByhandInterrupted ends the script in the middle; nothing may be left.
func TestByhandInterrupted(t *testing.T) {
	for sig, code := range map[unix.Signal]int{unix.SIGINT: 130, unix.SIGTERM: 143, unix.SIGHUP: 129} {
		privtest.NoTrace(t)
		b := newBench(t)
		cmd, in, _ := b.running(t, b.script(t, "-i", "tiny", "sh", "-c", "sleep 100 & echo ready; exec cat"))
		defer in.Close()
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_ = cmd.Wait()
		if got := cmd.ProcessState.ExitCode(); got != code || time.Since(start) > 5*time.Second {
			t.Errorf("%v: exit code %d after %v, want %d", sig, got, time.Since(start), code)
		}
		b.tidy(t)
	}
}

// TestByhandKilled: kill -9 of the shell outside ends the container. Its files and
// its groups stay then; the test removes the groups.
func TestByhandKilled(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	script := b.script(t, "-i", "tiny", "sh", "-c", "echo ready; exec sleep 100")
	cmd, in, pid := b.running(t, script)
	defer in.Close()
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 5000); n != 1 {
		t.Errorf("PID 1 lives on: %v", err)
	}
	for _, g := range groupsOf(t, script) {
		for range 100 {
			if err = unix.Rmdir(g); !errors.Is(err, unix.EBUSY) {
				break
			}
			<-time.After(20 * time.Millisecond)
		}
		if err != nil {
			t.Errorf("remove %s: %v", g, err)
		}
	}
}

// TestByhandFails in the middle, at a place where an image has a link to the host.
func TestByhandFails(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	script := b.script(t, "-w", "/deep/link/dir", "tiny", "true")
	for _, link := range []string{"proc", "dev", "sys", "etc", "deep/link"} {
		lower, victim := filepath.Join(b.dir, "lower-"+filepath.Base(link)), t.TempDir()
		if err := os.MkdirAll(filepath.Join(lower, filepath.Dir(link)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(victim, filepath.Join(lower, link)); err != nil {
			t.Fatal(err)
		}
		changed := regexp.MustCompile(`(?m) lower=.*$`).ReplaceAllLiteralString(script, " lower='"+lower+"'")
		got := ended(b.shell(t, changed))
		if got.Code != 125 || !strings.Contains(got.Stderr, "/"+link+" is a symbolic link in the image") {
			t.Errorf("/%s is a link: exit code %d, %q", link, got.Code, got.Stderr)
		}
		if entries, err := os.ReadDir(victim); err != nil || len(entries) > 0 {
			t.Errorf("/%s is a link: the host has %v there now (%v)", link, entries, err)
		}
	}
	b.tidy(t)
}

// TestByhandTerminal: with -t the program has a terminal that controls its session.
func TestByhandTerminal(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	script := b.script(t, "-it", "tiny", "sh", "-c", `tty; test -c /dev/console && echo console; cat /proc/self/stat | cut -d ' ' -f 7; exit 5`)
	got := ended(b.shell(t, script))
	want := regexp.MustCompile(`^/dev/console\r\nconsole\r\n[1-9]\d*\r\n$`)
	if got.Code != 5 || !want.MatchString(strings.TrimPrefix(got.Stdout, "^@")) {
		t.Errorf("exit code %d, %q %q", got.Code, got.Stdout, got.Stderr)
	}
	b.tidy(t)
}
