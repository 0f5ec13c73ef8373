package privtest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// mark is how everything starts that learnbox puts on a machine.
const mark = "learnbox"

// turnLimit is how long a test waits for those of other packages.
const turnLimit = 5 * time.Minute

// turn holds this process's place in the queue. flock(2) queues processes; the
// count lets a test with NoTrace have subtests with NoTrace.
var turn struct { //nolint:gochecknoglobals // the machine is one, and so is the right to change it
	sync.Mutex
	file    *os.File
	holders int
}

// takeTurn waits until no other process is inside NoTrace and holds the place
// until the end of the test.
func takeTurn(t testing.TB) {
	t.Helper()
	turn.Lock()
	defer turn.Unlock()
	if turn.holders == 0 {
		f, err := lockFile(filepath.Join(os.TempDir(), fmt.Sprintf("learnbox-privtest-%d.lock", os.Geteuid())))
		if err != nil {
			t.Fatalf("wait for the tests of other packages: %v", err)
		}
		turn.file = f
	}
	turn.holders++
	t.Cleanup(func() {
		turn.Lock()
		defer turn.Unlock()
		if turn.holders--; turn.holders == 0 {
			_ = turn.file.Close() // gives the lock back
		}
	})
}

// lockFile takes an exclusive flock(2) on path.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(turnLimit)
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) || time.Now().After(deadline) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
		}
		<-time.After(20 * time.Millisecond)
	}
}

// snapshot looks at the machine.
func snapshot() (trace, error) {
	tr := trace{}
	for _, look := range []func(trace) error{addMounts, addCgroups, addLinks, addProcesses} {
		if err := look(tr); err != nil {
			return nil, err
		}
	}
	return tr, nil
}

// addMounts takes every line of mountinfo but for the two ids, which say nothing
// once a mount was taken away and made again. See proc_pid_mountinfo(5).
func addMounts(tr trace) error {
	info, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	for line := range bytes.Lines(info) {
		if f := strings.SplitN(strings.TrimSpace(string(line)), " ", 3); len(f) == 3 {
			tr["mount "+f[2]]++
		}
	}
	return nil
}

// A cgroupMount is one mounted hierarchy.
type cgroupMount struct {
	dir, options string
	v2           bool
}

// cgroupMounts finds the hierarchies, whatever the layout of /sys/fs/cgroup.
func cgroupMounts() ([]cgroupMount, error) {
	info, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var mounts []cgroupMount
	for line := range bytes.Lines(info) {
		front, back, ok := strings.Cut(strings.TrimSpace(string(line)), " - ")
		f, b := strings.Fields(front), strings.Fields(back)
		if !ok || len(f) < 5 || len(b) < 3 {
			continue
		}
		if b[0] == "cgroup" || b[0] == "cgroup2" {
			mounts = append(mounts, cgroupMount{dir: f[4], options: b[2], v2: b[0] == "cgroup2"})
		}
	}
	return mounts, nil
}

// addCgroups takes the directories called learnbox* and what is below them.
func addCgroups(tr trace) error {
	mounts, err := cgroupMounts()
	if err != nil {
		return err
	}
	for _, m := range mounts {
		err := filepath.WalkDir(m.dir, func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // removed while we looked
			}
			if err == nil && d.IsDir() && strings.Contains(strings.TrimPrefix(path, m.dir), "/"+mark) {
				tr[cgroupWord+path]++
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// addLinks takes the network interfaces of this network namespace. A veth pair
// that outlived its container shows as its end on the host.
func addLinks(tr trace) error {
	links, err := net.Interfaces()
	if err != nil {
		return err
	}
	for _, l := range links {
		tr[fmt.Sprintf("network link %s (index %d)", l.Name, l.Index)]++
	}
	return nil
}

// addProcesses takes the processes that are learnbox, live in a cgroup of learnbox, or
// are children of this test.
func addProcesses(tr trace) error {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		if p, ok := readProcess(pid); ok && p.ours() {
			tr[fmt.Sprintf("%s%d (%s), started at tick %s", processWord, pid, p.name, p.start)]++
		}
	}
	return nil
}

// A process as /proc shows it.
type process struct {
	name, state, start string
	parent             int
	argv0, cgroup      string
}

// readProcess reports false for a process that is gone.
func readProcess(pid int) (process, bool) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return process{}, false
	}
	// The name stands in parentheses and may hold any character: proc_pid_stat(5).
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return process{}, false
	}
	rest := strings.Fields(string(stat[end+1:]))
	if len(rest) < 20 {
		return process{}, false
	}
	p := process{name: string(stat[open+1 : end]), state: rest[0], start: rest[19]}
	p.parent, _ = strconv.Atoi(rest[1])
	cmdline, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
	argv0, _, _ := strings.Cut(string(cmdline), "\x00")
	p.argv0 = filepath.Base(argv0)
	cgroup, _ := os.ReadFile(filepath.Join(dir, "cgroup"))
	p.cgroup = string(cgroup)
	return p, true
}

// ours reports whether a test could have left p behind. The name alone is not enough: a
// program executed from a memfd is named after the descriptor, and a zombie of
// somebody else only waits for its own parent. Test binaries are none of it:
// that of cmd/learnbox is called learnbox.test.
func (p process) ours() bool {
	if p.parent == os.Getpid() {
		return true
	}
	if p.state == "Z" {
		return false
	}
	return isOurs(p.name) || isOurs(p.argv0) || strings.Contains(p.cgroup, "/"+mark)
}

// isOurs knows the names under which learnbox runs: learnbox, learnbox-init and the like.
func isOurs(name string) bool {
	return name == mark || strings.HasPrefix(name, mark+"-")
}
