package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/learnbox/learnbox/explain/byhand"
	"github.com/learnbox/learnbox/internal/privtest"
	"github.com/learnbox/learnbox/sandbox"
)

// TestByhandKnowsEveryStep compares with the table, in both directions.
func TestByhandKnowsEveryStep(t *testing.T) {
	ids := []string{"container.create", "process.exit"} // which the table does not have
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
cat /proc/$$/status
for n in cgroup ipc mnt net pid time user uts; do echo $n $(readlink /proc/self/ns/$n); done
env | sort
pwd; hostname; id; umask
ls -lan /dev /dev/pts /dev/shm / .
cd /proc/$$/fd; ls -lan; cd -
head /etc/hosts /etc/hostname /etc/resolv.conf
cat /proc/self/cgroup /proc/self/limits
ls -l /sys/fs/cgroup; cat /sys/fs/cgroup/devices/devices.list
grep -c "^$$\$" /sys/fs/cgroup/pids/cgroup.procs
cd /sys/fs/cgroup; for f in memory/memory.limit_in_bytes memory/memory.memsw.limit_in_bytes memory/memory.soft_limit_in_bytes cpu/cpu.shares cpu/cpu.cfs_quota_us \
  cpuset/cpuset.cpus pids/pids.max blkio/blkio.bfq.weight memory.max memory.swap.max memory.low cpu.weight cpu.max cpuset.cpus pids.max io.weight io.bfq.weight
do echo $f: $(cat $f 2>&1); done; cat /proc/self/oom_score_adj
tr '\0' '\n' </proc/$$/cmdline
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
		{`(?m)^(dr-xr-xr-x) +\d+( .* proc)$`, "$1 N$2"}, // a directory for each process
		{`(?m)^(State|SigQ|Pid|Tgid|Ngid|PPid|NSpid|NSpgid|NStgid|NSsid|Vm\w+|Rss\w+|HugetlbPages|voluntary_ctxt_switches|nonvoluntary_ctxt_switches|Cpus_allowed\w*|Mems_allowed\w*|x86_Thread_features\w*|FDSize):.*\n`, ""},
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
	b.must(t, "run", "--rm", "-v", "empty:/e", "-v", "parts:/p", "tiny", "mkdir", "-p", "/p/a/b")
	for what, flags := range map[string][]string{
		"nothing asked for": {},
		"volumes by name":   {"-v", "empty:/home:ro", "-v", "parts:/p:nocopy", "--mount", "src=parts,dst=/part,volume-subpath=a/b,readonly", "-w", "/p/a"},
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
		"limits of the group": {
			"-m", "64m", "--memory-reservation", "32m", "--cpus", "0.5", "--cpu-shares", "512", "--cpuset-cpus", "0", "--pids-limit", "30",
			"--blkio-weight", "300", "--oom-score-adj", "300", "--cgroup-parent", "learnbox-test/byhand",
		},
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
