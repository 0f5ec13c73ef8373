package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/explain/byhand"
	"github.com/learnbox/learnbox/internal/privtest"
	"github.com/learnbox/learnbox/sandbox"
)

// TestByhandKnowsEveryStep compares with the table, in both directions.
func TestByhandKnowsEveryStep(t *testing.T) {
	var ids []string
	for _, s := range sandbox.Steps() {
		ids = append(ids, s.ID)
	}
	slices.Sort(ids)
	if diff := cmp.Diff(ids, byhand.Steps()); diff != "" {
		t.Errorf("the table of steps (-) and the shell's lines (+) differ:\n%s", diff)
	}
}

// script has learnbox print a script, with the flags and words of a run.
func (b bench) script(t *testing.T, args ...string) string {
	t.Helper()
	stdout, stderr, code := b.run(t, append([]string{"byhand"}, args...)...)
	if code != 0 {
		t.Fatalf("learnbox byhand %q: %d\n%s", args, code, stderr)
	}
	return stdout
}

// shell is the command that runs a script from a file, and keeps its own files
// in the bench's directory tmp.
func (b bench) shell(t *testing.T, script string) *exec.Cmd {
	t.Helper()
	file, tmp := filepath.Join(b.dir, "script"), b.tmp()
	if err := errors.Join(os.WriteFile(file, []byte(script), 0o600), os.MkdirAll(tmp, 0o700)); err != nil {
		t.Fatal(err)
	}
	cmd := b.command(t, "sh", file)
	cmd.Env = append(cmd.Env, "TMPDIR="+tmp)
	return cmd
}

func (b bench) tmp() string { return filepath.Join(b.dir, "tmp") }

// tidy checks that the scripts left no file.
func (b bench) tidy(t *testing.T) {
	t.Helper()
	entries, err := os.ReadDir(b.tmp())
	if err != nil || len(entries) > 0 {
		t.Errorf("the script left %v (%v)", entries, err)
	}
}

// outcome is what a program said and how it ended.
type outcome struct {
	Stdout, Stderr string
	Code           int
}

func ended(cmd *exec.Cmd) outcome {
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run()
	return outcome{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// look prints all that a program can see of its container.
const look = `
cat /proc/self/mountinfo
cat /proc/1/status
for n in cgroup ipc mnt net pid time user uts; do echo $n $(readlink /proc/self/ns/$n); done
env | sort
pwd; hostname; id; umask
ls -lan /dev /dev/pts /dev/shm / . /proc/1/fd
head /etc/hosts /etc/hostname /etc/resolv.conf
cat /proc/self/cgroup /proc/self/limits
ls -l /sys/fs/cgroup; cat /sys/fs/cgroup/devices/devices.list
cat /sys/fs/cgroup/pids/cgroup.procs | wc -l
tr '\0' '\n' </proc/1/cmdline
ls /sys/class/net; ip addr
head /proc/sys/net/ipv4/ping_group_range /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/msgmax
exit 7`

// alike takes away what differs between any two containers: numbers of mounts,
// devices and processes, IDs, times, and the places of the containers' files.
func (b bench) alike(t *testing.T, text string) string {
	t.Helper()
	for _, n := range []string{"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"} {
		host, err := os.Readlink("/proc/self/ns/" + n)
		if err != nil {
			t.Fatal(err)
		}
		text = strings.ReplaceAll(text, host, "the host's")
	}
	for _, r := range [][2]string{
		{`(?m)^\d+ \d+ \d+:\d+ `, "MOUNT "},
		{`(cgroup|ipc|mnt|net|pid|time|user|uts):\[\d+\]`, "its own"},
		{`[0-9a-f]{64}`, "ID64"},
		{`(HOSTNAME=)?\b[0-9a-f]{12}\b`, "${1}ID12"},
		{regexp.QuoteMeta(b.root) + `/containers/ID64/`, "FILES/"},
		{regexp.QuoteMeta(b.tmp()) + `/tmp\.[A-Za-z0-9]+/`, "FILES/"},
		{`\b[A-Z][a-z][a-z] [ 0-9]\d \d\d:\d\d `, "TIME "},
		{`pipe:\[\d+\]`, "PIPE"},
		{`(?m)^(dr-xr-xr-x +)\d+( .* proc)$`, "$1 N$2"}, // a directory for each process
		{`(?m)^(SigQ|Pid|Tgid|Ngid|PPid|NSpid|NSpgid|NStgid|NSsid|Vm\w+|Rss\w+|HugetlbPages|voluntary_ctxt_switches|nonvoluntary_ctxt_switches|Cpus_allowed\w*|Mems_allowed\w*|x86_Thread_features\w*|FDSize):.*\n`, ""},
	} {
		text = regexp.MustCompile(r[0]).ReplaceAllString(text, r[1])
	}
	return text
}

// withoutFilter is what learnbox's container shows, less the filter that a shell
// cannot load: the script says so.
func withoutFilter(text string) string {
	text = strings.Replace(text, "Seccomp:\t2\nSeccomp_filters:\t1\n", "Seccomp:\t0\nSeccomp_filters:\t0\n", 1)
	return regexp.MustCompile(`(?m)^Speculation\w+:.*\n`).ReplaceAllString(text, "")
}

// TestByhand runs what learnbox byhand prints, and compares the container with the
// one that learnbox runs.
func TestByhand(t *testing.T) {
	b := newBench(t)
	volume := filepath.Join(b.dir, "a volume")
	if err := os.MkdirAll(filepath.Join(volume, "below"), 0o750); err != nil {
		t.Fatal(err)
	}
	for what, flags := range map[string][]string{
		"nothing asked for": {},
		"another user":      {"-u", "1000", "--group-add", "44", "--cap-drop", "KILL"},
		"read-only":         {"--read-only", "--tmpfs", "/tmp:size=1m", "--tmpfs", "/run", "--shm-size", "8m", "-w", "/made/here"},
		"the host's":        {"--network", "host", "--pid", "host", "--ipc", "host", "--uts", "host"},
		"volumes": {
			"-v", volume + ":/my volume:ro", "-v", "./made:/a/b", "-v", "/etc/os-release:/os:ro",
			"--mount", "type=tmpfs,dst=/cache,tmpfs-size=1m", "--mount", "type=bind,src=" + volume + ",dst=/flat,bind-nonrecursive", "-w", "/a",
		},
		"words": {"-e", "A=it's\ntwo 'lines'\nPLAN\n", "-e", "B=$HOME `id` \\ \"", "-h", "box", "--add-host", "db:10.0.0.5", "--dns", "9.9.9.9"},
		"limits": {
			"--ulimit", "nofile=77:88", "--ulimit", "core=0", "--sysctl", "kernel.msgmax=9000", "--cap-drop", "ALL", "--cap-add", "CHOWN",
			"--security-opt", "no-new-privileges", "--device", "/dev/null:/dev/nothing:r",
		},
		"privileged": {"--privileged"},
	} {
		t.Run(what, func(t *testing.T) {
			privtest.NoTrace(t)
			args := append(slices.Clone(flags), "tiny", "sh", "-c", look)
			run := ended(b.command(t, "learnbox", append([]string{"run", "--rm"}, args...)...))
			shell := ended(b.shell(t, b.script(t, args...)))
			if diff := cmp.Diff(withoutFilter(b.alike(t, run.Stdout)), withoutFilter(b.alike(t, shell.Stdout))); diff != "" {
				t.Errorf("learnbox (-) and the shell (+) show\n%s", diff)
			}
			if run.Code != 7 || shell.Code != 7 {
				t.Errorf("exit codes %d and %d, want 7\n%s\n%s", run.Code, shell.Code, run.Stderr, shell.Stderr)
			}
			if lines := strings.Count(run.Stdout, "\n"); lines < 100 {
				t.Errorf("there were only %d lines to compare:\n%s%s", lines, run.Stdout, run.Stderr)
			}
			b.tidy(t)
			b.nothingLeft(t)
		})
	}
}

// TestByhandCodes compares how runs end that end otherwise.
func TestByhandCodes(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	for _, c := range []struct {
		code    int
		stderr  string
		command []string
	}{
		{0, "", []string{"true"}},
		{127, "nosuch", []string{"nosuch"}},
		{127, "/no/such", []string{"/no/such"}},
		{126, "/etc/passwd", []string{"/etc/passwd"}},
	} {
		args := append([]string{"tiny"}, c.command...)
		run := ended(b.command(t, "learnbox", append([]string{"run", "--rm"}, args...)...))
		shell := ended(b.shell(t, b.script(t, args...)))
		if run.Code != c.code || shell.Code != c.code || !strings.Contains(shell.Stderr, c.stderr) {
			t.Errorf("%q: exit codes %d and %d, want %d\n%s\n%s", c.command, run.Code, shell.Code, c.code, run.Stderr, shell.Stderr)
		}
	}
	// Killed by a signal: in the host's pid namespace, since PID 1 has none to die of.
	args := []string{"--pid", "host", "tiny", "sh", "-c", "sleep 100 & kill $$"}
	if shell := ended(b.shell(t, b.script(t, args...))); shell.Code != 143 {
		t.Errorf("killed: exit code %d, want 143\n%s", shell.Code, shell.Stderr)
	}
	b.tidy(t)
}

// TestByhandEnvironment compares what a program is handed that is no shell, and so
// sets nothing itself.
func TestByhandEnvironment(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	args := []string{"-e", "A=it's\ntwo 'lines'\nPLAN\n", "-e", "B=$HOME `id` \\ \"", "-e", "TERM", "tiny", "env"}
	run := ended(b.command(t, "learnbox", append([]string{"run", "--rm"}, args...)...))
	shell := ended(b.shell(t, b.script(t, args...)))
	sorted := func(text string) []string { return slices.Sorted(strings.Lines(b.alike(t, text))) }
	if diff := cmp.Diff(sorted(run.Stdout), sorted(shell.Stdout)); diff != "" || run.Stdout == "" {
		t.Errorf("learnbox (-) and the shell (+) show\n%s\n%s", diff, shell.Stderr)
	}
}

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
	procs, err := filepath.Glob("/sys/fs/cgroup/pids/learnbox-*/cgroup.procs")
	if err != nil || len(procs) != 1 {
		t.Skipf("the group is not where cgroup v1 has it: %v %v", procs, err)
	}
	data, err := os.ReadFile(procs[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(string(data), &pid); err != nil {
		t.Fatalf("the group holds %q: %v", data, err)
	}
	return cmd, in, pid
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
	cmd, in, pid := b.running(t, b.script(t, "-i", "tiny", "sh", "-c", "echo ready; exec sleep 100"))
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
	groups, err := filepath.Glob("/sys/fs/cgroup/*/learnbox-*")
	if err != nil || len(groups) == 0 {
		t.Fatalf("no groups: %v", err)
	}
	for _, g := range groups {
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
