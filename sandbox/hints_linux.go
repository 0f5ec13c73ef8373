package sandbox

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"
)

// memoryHint is what to do where a container is too small for its own beginning.
const memoryHint = "a container needs up to 6 MB to start, and what it mounts counts too: raise the limit, of --memory or of the group that --cgroup-parent names"

// pidsHint is the same about processes. On version 1 the sixth thread is learnbox's own, which brings
// the init there.
const pidsHint = "a container needs six threads until its program runs: see pids.max of the group that --cgroup-parent names, and of those above it"

// initThreads are those of pidsHint.
const initThreads = 6

// enterHint is the same where a program is to enter a container. Of its seven threads five or six are
// those of the process that enters, and one the newborn program; on version 1 the thread that brings
// it there counts, too, for a moment.
const enterHint = "another program needs 2 MiB and seven threads until it runs: the container's limits may leave less"

// hint returns the way out of a failed step: the error's own, or what the
// errno means at this step.
func hint(step string, err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	errno := errnoOf(err)
	switch {
	case step == "cgroup.create" && (errno == unix.EROFS || errno == unix.EACCES || errno == unix.EPERM):
		return "the cgroup file systems are read-only here, or somebody else's: run learnbox as root and outside of other containers"
	case step == "cgroup.create" && errno == unix.EEXIST:
		return "a group of this name is left from before, or is no group: rmdir removes one without processes"
	case step == "cgroup.create" && errno == unix.ENOTDIR:
		return "--cgroup-parent names a file there"
	case step == "cgroup.create" && errno == unix.ENOMEM, step == "init.clone" && noMemory(errno):
		return memoryHint
	case step == "init.clone" && errno == unix.EAGAIN:
		return pidsHint
	case step == "exec.start" && noMemory(errno):
		return enterHint
	case errno == unix.EAGAIN && (step == "exec.start" || step == "exec.clone"):
		return "the container may not have one process more (--pids-limit); another program needs seven threads until it runs"
	case errno == unix.ENOSPC && strings.HasPrefix(step, "ns."):
		return "the limit of namespaces is reached: see /proc/sys/user/max_*_namespaces"
	case errno == unix.EPERM && (strings.HasPrefix(step, "ns.") || step == "init.clone"):
		return "learnbox needs CAP_SYS_ADMIN: run it as root, outside of other containers"
	case errno == unix.EINVAL && (strings.HasPrefix(step, "ns.") || step == "init.clone"):
		return "this kernel was built without that kind of namespace (CONFIG_NAMESPACES and its like)"
	case errno == unix.ENOSYS:
		return "learnbox needs Linux 5.10 or newer"
	case errno == unix.ENODEV && step == "rootfs.overlay":
		return "the kernel has no overlayfs, which joins the image and the container's own layer: modprobe overlay"
	case errno == unix.EINVAL && step == "rootfs.overlay":
		return "overlayfs refuses these directories, as it does when they lie on another overlay: put --root on an ordinary file system (ext4, xfs, btrfs, tmpfs)"
	case errno == unix.ENODEV:
		return "the kernel has no such file system"
	case errno == unix.ENOSPC:
		return "the disk below --root is full"
	}
	return ""
}
