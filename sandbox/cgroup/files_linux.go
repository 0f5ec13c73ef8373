package cgroup

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
)

// patience is how long a group may take to become empty after its processes
// were killed.
const patience = 5 * time.Second

// writeFile writes with open, write and close and nothing else. The value has
// to arrive in one write(2), which is how the kernel takes a setting.
func writeFile(path, value string) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return linux.Failed(err, "open(%q, O_WRONLY|O_CLOEXEC)", path)
	}
	defer unix.Close(fd)
	for {
		_, err = unix.Write(fd, []byte(value))
		if !errors.Is(err, unix.EINTR) {
			return linux.Failed(err, "write(%q, %q)", path, value)
		}
	}
}

// readFile reads a short file with open, read and close. os.ReadFile makes ten system
// calls of that, which who reads the files of a hundred groups feels.
func readFile(path string) (string, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	text := make([]byte, 0, 4096)
	for {
		n, err := unix.Read(fd, text[len(text):cap(text)])
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return "", &fs.PathError{Op: "read", Path: path, Err: err}
		case n == 0:
			return string(bytes.TrimSpace(text)), nil
		}
		if text = text[:len(text)+n]; len(text) == cap(text) {
			text = slices.Grow(text, cap(text))
		}
	}
}

// mkdirs makes dir and what is missing above it, but nothing above root, and
// prepares what it made. A container that ends may remove an empty group above
// between two of these calls, so they are tried more than once.
func mkdirs(root, dir string, prepare func(dir string) error) error {
	for try := 0; ; try++ {
		err := linux.Failed(unix.Mkdir(dir, 0o755), "mkdir(%q, 0755)", dir)
		if err == nil {
			return prepare(dir)
		}
		parent := filepath.Dir(dir)
		if !errors.Is(err, unix.ENOENT) || len(parent) <= len(root) || try == 10 {
			return err
		}
		err = mkdirs(root, parent, prepare)
		if err != nil && !errors.Is(err, unix.EEXIST) && !isGone(err) {
			return err
		}
		if err == nil {
			_ = unix.Setxattr(parent, ours, []byte("1"), 0) // else it stays
		}
	}
}

// ours marks the groups above a container's that learnbox made, so that it also
// removes them: those that an administrator made, maybe with limits of their
// own, stay. Only root sees it, xattr(7).
const ours = "trusted.learnbox"

// isGone says whether a group was removed: ENOENT when a file in it is opened,
// ENODEV when it was open before.
func isGone(err error) bool { return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) }

func rmdir(dir string) error {
	return linux.Failed(unix.Rmdir(dir), "rmdir(%q)", dir)
}

// removeDir removes a group and the groups below it. The files in the
// directory are no obstacle: they go with it.
func removeDir(dir string) error {
	for end := time.Now().Add(patience); ; {
		err := rmdir(dir)
		if err == nil || errors.Is(err, unix.ENOENT) {
			return nil
		}
		if !errors.Is(err, unix.EBUSY) || time.Now().After(end) {
			return err
		}
		children, readErr := childrenOf(dir)
		if readErr != nil {
			return readErr
		}
		for _, child := range children {
			if err := removeDir(child); err != nil {
				return err
			}
		}
		pids, readErr := procsBelow(dir)
		if readErr != nil {
			return readErr
		}
		if len(children) == 0 {
			await(pids)
		}
	}
}

// childrenOf lists the groups right below a group. A directory has a link from its
// parent, one from itself, and one from each directory in it: so two say that there is
// no need to look.
func childrenOf(dir string) ([]string, error) {
	var st unix.Stat_t
	if unix.Stat(dir, &st) == nil && st.Nlink == 2 {
		return nil, nil
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	var children []string
	for _, e := range entries {
		if e.IsDir() {
			children = append(children, dir+"/"+e.Name())
		}
	}
	return children, err
}

// procsBelow lists the processes of a group and of those below it.
func procsBelow(dir string) ([]int, error) {
	data, err := os.ReadFile(dir + "/cgroup.procs")
	if isGone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var pids []int
	for line := range bytes.FieldsSeq(data) {
		pid, err := strconv.Atoi(string(line))
		if err != nil {
			return nil, fmt.Errorf("%s/cgroup.procs: %w", dir, err)
		}
		pids = append(pids, pid)
	}
	children, err := childrenOf(dir)
	if err != nil {
		return nil, err
	}
	for _, child := range children {
		below, err := procsBelow(child)
		if err != nil {
			return nil, err
		}
		pids = append(pids, below...)
	}
	return pids, nil
}

// await returns when one of the processes has died, or after a hundredth of a
// second: a process may also leave, or be a zombie that only its parent can end.
func await(pids []int) {
	var polled []unix.PollFd
	for _, pid := range pids[:min(len(pids), 16)] {
		if fd, err := unix.PidfdOpen(pid, 0); err == nil {
			polled = append(polled, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
		}
	}
	timeout := 10
	if len(polled) == 0 {
		timeout = 1 // already dead, and about to leave the group
	}
	_, _ = unix.Poll(polled, timeout)
	for _, p := range polled {
		_ = unix.Close(int(p.Fd))
	}
}

// killAll sends SIGKILL to each of the processes, but not to this one.
func killAll(pids []int) error {
	for _, pid := range pids {
		if pid == 0 || pid == os.Getpid() {
			return fmt.Errorf("process %d is not to be killed: it is learnbox itself, or out of sight in another pid namespace", pid)
		}
		if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
			return linux.Failed(err, "kill(%d, SIGKILL)", pid)
		}
	}
	return nil
}
