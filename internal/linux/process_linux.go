package linux

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Unshare is unshare(2).
func Unshare(flags int) error {
	return Failed(unix.Unshare(flags), "unshare(%s)", CloneFlags(uintptr(flags)))
}

// NotDumpable makes the process opaque to ptrace(2) and /proc/PID for all who
// lack CAP_SYS_PTRACE in its user namespace (CVE-2016-9962). An execve undoes it.
func NotDumpable() error {
	return Failed(unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl(PR_SET_DUMPABLE, 0)")
}

// SetName is what ps(1) shows of the calling thread; an execve replaces it.
func SetName(name string) error {
	b, err := unix.BytePtrFromString(name)
	if err != nil {
		return Failed(err, "prctl(PR_SET_NAME, %q)", name)
	}
	return Failed(unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(b)), 0, 0, 0), "prctl(PR_SET_NAME, %q)", name)
}

// NoNewPrivs sets no_new_privs: from here on no execve can gain privileges.
func NoNewPrivs() error {
	return Failed(unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(PR_SET_NO_NEW_PRIVS, 1)")
}

// DieWithParent asks for SIGKILL when the parent's thread ends. A change of
// user takes the wish away, so it is made again after one (PR_SET_PDEATHSIG(2const)).
func DieWithParent() error {
	return Failed(unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0), "prctl(PR_SET_PDEATHSIG, SIGKILL)")
}

// LiveOn takes the wish of DieWithParent back.
func LiveOn() error {
	return Failed(unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0), "prctl(PR_SET_PDEATHSIG, 0)")
}

// HugePages says whether the kernel may give this process, and those that it makes and executes, memory
// in pieces of 2 MiB at once. Where that is the rule a small program takes two or three of
// them as it starts (PR_SET_THP_DISABLE(2const)).
func HugePages(may bool) error {
	not := uintptr(1)
	if may {
		not = 0
	}
	return Failed(unix.Prctl(unix.PR_SET_THP_DISABLE, not, 0, 0, 0), "prctl(PR_SET_THP_DISABLE, %d)", not)
}

// OpenProcess is pidfd_open(2): a descriptor that stands for this process, and never for
// another one that gets its PID later.
func OpenProcess(pid int) (*os.File, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err := Failed(err, "pidfd_open(%d, 0)", pid); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "process "+strconv.Itoa(pid)), nil
}

// HasEnded reports whether the process that a pidfd stands for has ended, or does
// so within a time.
func HasEnded(pidfd *os.File, within time.Duration) bool {
	fds := []unix.PollFd{{Fd: int32(pidfd.Fd()), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, int(within.Milliseconds()))
	return err == nil && n == 1
}

// Setns moves the calling thread into namespaces: those of a process, given as a
// pidfd, or the one that a file such as /proc/PID/ns/pid stands for (setns(2)).
func Setns(f *os.File, kinds int) error {
	return Failed(unix.Setns(int(f.Fd()), kinds), "setns(%q, %s)", f.Name(), CloneFlags(uintptr(kinds)))
}

// UnshareFS gives the calling thread a root and a working directory that it shares
// with no other thread, without which it cannot enter a mount namespace.
func UnshareFS() error { return Failed(unix.Unshare(unix.CLONE_FS), "unshare(CLONE_FS)") }

// CloseOnExecFrom marks every descriptor from first on close-on-exec, so that
// none of ours reaches the program (CVE-2024-21626).
func CloseOnExecFrom(first uint) error {
	err := unix.CloseRange(first, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
	return Failed(err, "close_range(%d, ~0U, CLOSE_RANGE_CLOEXEC)", first)
}

// SetHostname is sethostname(2).
func SetHostname(name string) error {
	return Failed(unix.Sethostname([]byte(name)), "sethostname(%q, %d)", name, len(name))
}

// SetRlimit is prlimit(2) on the calling process; name is for the error.
func SetRlimit(name string, resource int, soft, hard uint64) error {
	err := unix.Prlimit(0, resource, &unix.Rlimit{Cur: soft, Max: hard}, nil)
	return Failed(err, "prlimit(0, %s, {rlim_cur=%d, rlim_max=%d})", name, soft, hard)
}

// SetUser sets supplementary groups, group and user of the calling thread, in
// the only order that works: without uid 0 the groups can no longer be changed.
// x/sys/unix's own functions change all threads of the process; every other
// thread ends with the execve, so the raw call is enough.
func SetUser(uid, gid uint32, groups []int) error {
	if err := Failed(unix.Setgroups(groups), "setgroups(%d, %v)", len(groups), groups); err != nil {
		return err
	}
	_, _, errno := unix.RawSyscall(unix.SYS_SETRESGID, uintptr(gid), uintptr(gid), uintptr(gid))
	if err := Failed(errno, "setresgid(%d, %d, %d)", gid, gid, gid); err != nil {
		return err
	}
	_, _, errno = unix.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid))
	return Failed(errno, "setresuid(%d, %d, %d)", uid, uid, uid)
}

// Chdir is chdir(2).
func Chdir(path string) error {
	return Failed(unix.Chdir(path), "chdir(%q)", path)
}

// Fchdir is fchdir(2).
func Fchdir(dir *os.File) error {
	return Failed(unix.Fchdir(int(dir.Fd())), "fchdir(%q)", dir.Name())
}

// Execve is execve(2) by way of the Go runtime, which first gives back the soft
// limit of open files that it had raised for itself.
func Execve(path string, argv, envp []string) error {
	return Failed(unix.Exec(path, argv, envp), "%s", execveText(path, argv, envp))
}

// ShowExecve shows an Execve that is to be made to who traces, without a result: if it
// succeeds, nobody is left who could show it.
func ShowExecve(path string, argv, envp []string) {
	if hear := trace.Load(); hear != nil {
		(*hear)(Call{Call: execveText(path, argv, envp)})
	}
}

func execveText(path string, argv, envp []string) string {
	return fmt.Sprintf("execve(%q, %s, … /* %d vars */)", path, words(argv), len(envp))
}

// Execveat is execveat(2) on a descriptor: the program is the open file itself,
// under whatever name.
func Execveat(f *os.File, argv, envp []string) error {
	args, err := syscall.SlicePtrFromStrings(argv)
	if err != nil {
		return Failed(err, "execveat(%q)", f.Name())
	}
	env, err := syscall.SlicePtrFromStrings(envp)
	if err != nil {
		return Failed(err, "execveat(%q)", f.Name())
	}
	empty := [1]byte{}
	_, _, errno := unix.RawSyscall6(unix.SYS_EXECVEAT, f.Fd(), uintptr(unsafe.Pointer(&empty[0])),
		uintptr(unsafe.Pointer(&args[0])), uintptr(unsafe.Pointer(&env[0])), unix.AT_EMPTY_PATH, 0)
	return Failed(errno, "%s", execveatText(f, argv))
}

// ShowExecveat is ShowExecve for an Execveat.
func ShowExecveat(f *os.File, argv []string) {
	if hear := trace.Load(); hear != nil {
		(*hear)(Call{Call: execveatText(f, argv)})
	}
}

func execveatText(f *os.File, argv []string) string {
	return fmt.Sprintf("execveat(%d, \"\", %s, …, AT_EMPTY_PATH)", f.Fd(), words(argv))
}

// Inside calls do on a thread that has entered the namespace that a file such
// as /proc/PID/ns/uts stands for (setns(2)), and that comes back.
//
// The thread must not end instead: if it is the one that cloned the init, that
// would be the death of the parent (see DieWithParent).
func Inside(namespace string, kind int, do func() error) (err error) {
	there, err := Open(namespace, unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer there.Close()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	here, err := Open("/proc/thread-self/ns/"+filepath.Base(namespace), unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer here.Close()
	enter := func(f *os.File) error {
		return Failed(unix.Setns(int(f.Fd()), kind), "setns(%q, %s)", f.Name(), CloneFlags(uintptr(kind)))
	}
	if err := enter(there); err != nil {
		return err
	}
	defer func() {
		if back := enter(here); back != nil {
			panic(back) // the way back was open a moment ago; go no further in the wrong place
		}
	}()
	return do()
}
