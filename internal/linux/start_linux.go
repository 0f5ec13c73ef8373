package linux

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Program is what StartProgram starts.
type Program struct {
	File       *os.File // what is executed, whatever its name is now
	Argv, Env  []string
	Files      []*os.File // its descriptors 0, 1, 2, …
	Namespaces uintptr    // CLONE_NEW… for the clone
	Cgroup     *os.File   // born in this cgroup v2 group; nil: in its parent's
}

// StartProgram clones a process in "/" and executes a program in it. The
// package os would do too, but tries out pidfds first, with a process of its own.
func StartProgram(p Program) (pid int, err error) {
	attr := &syscall.SysProcAttr{Cloneflags: p.Namespaces}
	if p.Cgroup != nil {
		attr.UseCgroupFD, attr.CgroupFD = true, int(p.Cgroup.Fd())
	}
	// A number out of the way of those that the child renumbers its files to.
	exe, err := unix.FcntlInt(p.File.Fd(), unix.F_DUPFD_CLOEXEC, 100)
	if err := Failed(err, "fcntl(%s, F_DUPFD_CLOEXEC, 100)", p.File.Name()); err != nil {
		return 0, err
	}
	file := os.NewFile(uintptr(exe), p.File.Name())
	defer file.Close()
	fds := make([]uintptr, len(p.Files))
	for i, f := range p.Files {
		fds[i] = f.Fd()
	}
	pid, err = syscall.ForkExec(FDPath(file), p.Argv, &syscall.ProcAttr{Dir: "/", Env: p.Env, Files: fds, Sys: attr})
	return pid, Failed(err, "clone(%s|SIGCHLD) and execve(%q, %q)", CloneFlags(p.Namespaces), file.Name(), p.Argv)
}

// AwaitExit waits until a child has ended and leaves it as a zombie, so that its PID is
// still its own (waitid(2), WNOWAIT).
func AwaitExit(pid int) error {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return Failed(err, "waitid(P_PID, %d, WEXITED|WNOWAIT)", pid)
		}
	}
}

// Reap takes the status of a child that has ended.
func Reap(pid int) (unix.WaitStatus, error) {
	for {
		var ws unix.WaitStatus
		_, err := unix.Wait4(pid, &ws, 0, nil)
		if err != unix.EINTR {
			return ws, Failed(err, "wait4(%d)", pid)
		}
	}
}

// ReapOthers takes the status of children that have ended, of all but one, as long as
// that one has not ended, too.
func ReapOthers(but int) {
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		if err == unix.EINTR {
			continue
		}
		pid := int(*(*int32)(unsafe.Add(unsafe.Pointer(&info), siPid)))
		if err != nil || pid == 0 || pid == but {
			return
		}
		_, _ = Reap(pid)
	}
}

// siPid is where a siginfo_t has si_pid on a machine of 64 bits (sigaction(2)).
const siPid = 16
