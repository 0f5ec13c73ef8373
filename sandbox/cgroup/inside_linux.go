package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
)

// insideV1 moves a thread into the group, calls start on it, and moves it back.
// A child is born where the thread is that clones it, so this is for version 1
// what CLONE_INTO_CGROUP is for version 2.
//
// It is also twenty times as fast as moving the child: a thread that moves just
// itself, by writing 0 into tasks, spares the kernel the wait that [Group.Add]
// tells of. Groups hold threads in version 1; the other threads of this process
// stay where they are.
//
// The first thread stays as well, whoever calls. The memory of a process is charged
// to the group of that one, and where a limit is reached the kernel
// kills the processes whose first thread is in the group: learnbox, which is
// larger than an init.
func (g *Group) insideV1(start func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if unix.Gettid() != unix.Getpid() {
		return g.onThread(start)
	}
	done := make(chan error)
	go func() { done <- g.onThread(start) }() // on another, since this one is taken
	return <-done
}

// onThread does it with the calling thread. All files are open before: in the
// group there may be no memory left for that.
func (g *Group) onThread(start func() error) (err error) {
	back, err := g.h.ownGroups()
	if err != nil {
		return err
	}
	if state, err := readFile(g.h.Dir("freezer") + "/" + g.Path + "/freezer.state"); err == nil && state != "THAWED" {
		return fmt.Errorf("it is frozen (%s), and this thread would be too", state)
	}
	in, err := openTasks(g.Dirs())
	defer closeTasks(in)
	if err != nil {
		return err
	}
	out, err := openTasks(back)
	defer closeTasks(out)
	if err != nil {
		return err
	}
	// The thread is unlocked only if it is back: otherwise it ends with its
	// goroutine, and nobody else ever runs in the container's group.
	linux.LockThread()
	defer func() {
		moved := moveThread(out)
		if moved == nil {
			runtime.UnlockOSThread()
		}
		err = errors.Join(err, moved)
	}()
	if err := moveThread(in); err != nil {
		return err
	}
	return start()
}

// A tasks is the list of threads of a group, open for writing. A run pays for
// eighteen of them: so it is no os.File.
type tasks struct {
	path string
	fd   int
}

func openTasks(dirs []string) (lists []tasks, err error) {
	for _, dir := range dirs {
		path := dir + "/tasks"
		fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return lists, linux.Failed(err, "open(%q, O_WRONLY|O_CLOEXEC)", path)
		}
		lists = append(lists, tasks{path, fd})
	}
	return lists, nil
}

func closeTasks(lists []tasks) {
	for _, l := range lists {
		_ = unix.Close(l.fd)
	}
}

// moveThread moves the calling thread. It tries all groups whatever happens.
func moveThread(lists []tasks) error {
	var errs []error
	for _, l := range lists {
		_, err := unix.Write(l.fd, []byte("0"))
		errs = append(errs, linux.Failed(err, "write(%q, \"0\")", l.path))
	}
	return errors.Join(errs...)
}

// ownGroups are the directories of the groups that the calling thread is in.
// /proc/thread-self/cgroup has a line for each tree, "5:cpu,cpuacct:/user.slice".
func (h Hierarchy) ownGroups() ([]string, error) {
	data, err := os.ReadFile("/proc/thread-self/cgroup")
	if err != nil {
		return nil, err
	}
	var dirs []string
	for _, t := range h.Trees {
		dir := ""
		for line := range strings.SplitSeq(string(data), "\n") {
			fields := strings.SplitN(line, ":", 3)
			if len(fields) == 3 && slices.Contains(strings.Split(fields[1], ","), t.Controllers[0]) {
				if below, err := filepath.Rel(t.root, fields[2]); err == nil && filepath.IsLocal(below) {
					dir = filepath.Join(t.Dir, below)
				}
			}
		}
		if dir == "" {
			return nil, fmt.Errorf("this process's own group of %s is not below %s", t.Controllers[0], t.Dir)
		}
		dirs = append(dirs, dir)
	}
	return dirs, nil
}
