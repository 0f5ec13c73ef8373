package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/sandbox/cgroup"
)

// begin notes that a command runs, end that it does no more, and whether it was killed.
func (c *chaos) begin(pid int, line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.typed++
	c.commands[pid] = line
	delete(c.killed, pid) // that was another one of the same number
	c.tell("%d: learnbox %s", pid, line)
}

func (c *chaos) end(pid int, how string) (killed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.commands, pid)
	c.tell("%d: %s", pid, how)
	return c.killed[pid]
}

// tell keeps the last of what happened; the caller holds c.mu.
func (c *chaos) tell(format string, args ...any) {
	const keep = 40
	c.story = append(c.story, time.Now().Format("05.000 ")+fmt.Sprintf(format, args...))
	c.story = c.story[max(0, len(c.story)-keep):]
}

// problem notes what is wrong, and what happened before.
func (c *chaos) problem(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.problems = append(c.problems, fmt.Sprintf(format, args...)+"\nbefore that:\n"+strings.Join(c.story, "\n"))
}

// killer kills now a command, now a process behind the containers.
func (c *chaos) killer(random *rand.Rand) {
	for time.Now().Before(c.until) {
		<-time.After(time.Duration(random.IntN(200)) * time.Millisecond)
		var pids []int
		switch random.IntN(3) {
		case 0:
			c.mu.Lock()
			for pid := range c.commands {
				pids = append(pids, pid)
			}
			c.mu.Unlock()
		case 1:
			pids = c.monitors()
		case 2:
			for _, id := range c.ids() {
				pids = append(pids, groupOf(id)...)
			}
		}
		if slices.Sort(pids); len(pids) > 0 {
			c.kill(pids[random.IntN(len(pids))])
		}
	}
}

// kill kills a process that was seen to be ours. Its number may be another's meanwhile,
// so it is looked at again when nothing can change any more whom the descriptor means.
func (c *chaos) kill(pid int) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, command := c.commands[pid]; !command && !c.ours(pid) {
		return
	}
	c.tell("%d (%s) killed", pid, nameOf(pid))
	c.killed[pid] = true
	_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
}

// ours reports whether a process is a monitor of this root, or in a container of it.
func (c *chaos) ours(pid int) bool {
	if slices.Contains(c.monitors(), pid) {
		return true
	}
	return slices.ContainsFunc(c.ids(), func(id string) bool { return slices.Contains(groupOf(id), pid) })
}

// monitors are the processes that inherited the lock of a container of this root.
func (c *chaos) monitors() []int {
	var pids []int
	locks, _ := filepath.Glob("/proc/[0-9]*/fd/4")
	for _, link := range locks {
		to, err := os.Readlink(link)
		if err == nil && strings.HasPrefix(to, filepath.Join(c.root, "run")+"/") {
			pid, _ := strconv.Atoi(strings.Split(link, "/")[2])
			pids = append(pids, pid)
		}
	}
	return pids
}

// ids are those of the containers that have a directory.
func (c *chaos) ids() []string {
	dirs, _ := filepath.Glob(filepath.Join(c.root, "containers", "[0-9a-f]*"))
	for i, dir := range dirs {
		dirs[i] = filepath.Base(dir)
	}
	return dirs
}

// groupOf are the processes in a container's control group.
func groupOf(id string) []int {
	h, err := cgroup.Detect()
	if err != nil {
		return nil
	}
	g, err := cgroup.Open(h, "learnbox-"+id)
	if err != nil {
		return nil
	}
	pids, _ := g.Procs()
	return pids
}

// listTellsTheTruth compares ps with the kernel: what is up has processes, and what
// has processes is up. Programs end meanwhile, so it may take several looks.
func (c *chaos) listTellsTheTruth(t *testing.T) {
	t.Helper()
	var lies []string
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		up := map[string]bool{}
		lies = nil
		for line := range strings.Lines(c.must(t, "ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.State}}")) {
			f := strings.Fields(line)
			up[f[0]] = f[1] == "running" || f[1] == "paused"
			if up[f[0]] != (len(groupOf(f[0])) > 0) {
				lies = append(lies, fmt.Sprintf("%s is %s, and its processes are %d", f[0], f[1], groupOf(f[0])))
			}
		}
		groups, _ := filepath.Glob("/sys/fs/cgroup/pids/learnbox-*")
		for _, dir := range groups {
			if id := strings.TrimPrefix(filepath.Base(dir), "learnbox-"); !up[id] {
				lies = append(lies, fmt.Sprintf("%s has a group, and ps does not list it as up", id))
			}
		}
		if len(lies) == 0 {
			return
		}
		<-time.After(100 * time.Millisecond)
	}
	t.Errorf("ps does not tell the truth: %s", strings.Join(lies, "; "))
}
