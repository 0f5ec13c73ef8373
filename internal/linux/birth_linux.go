package linux

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Prepared is a system call that waits to be made by a newborn process, which
// can do nothing but make system calls: see Birth.
type Prepared struct {
	text   string // as strace(1) would print it
	number uintptr
	args   [6]uintptr
	keep   any // what args point to
}

// A Birth is a process that is cloned from this one, with a memory of its own,
// and then makes the calls in their order, until one fails; an execve that
// succeeds is the last.
//
// A program of Go has many threads, and a newborn process only one of them, so
// the runtime is of no use in it: it may not allocate memory, grow a stack or
// meet the scheduler. That is why all it is to do is a list that was made
// before. (The package syscall has such a child, too, but its list is fixed.)
type Birth struct {
	Flags uintptr // CLONE_…; with CLONE_PARENT it is the child of this process's parent
	Calls []Prepared
}

// A BirthError is a call that failed in the newborn process, which has ended.
type BirthError struct {
	Index int // of the call in Birth.Calls
	err   error
}

func (e *BirthError) Error() string { return e.err.Error() }

func (e *BirthError) Unwrap() error { return e.err }

// Start clones the process and returns when its last call has succeeded, or one
// failed, or it was killed. pid is 0 if there never was a process.
//
// Errors: *BirthError.
func (b Birth) Start() (pid int, err error) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return 0, Failed(err, "pipe2(O_CLOEXEC)")
	}
	defer unix.Close(pipe[0])
	failure := new([2]uint64)
	child, errno := birth(b.Flags|uintptr(unix.SIGCHLD), b.Calls, uintptr(pipe[1]), failure)
	unix.Close(pipe[1])
	runtime.KeepAlive(b)
	if err := Failed(errno, "clone(%s|SIGCHLD)", CloneFlags(b.Flags)); err != nil {
		return 0, err
	}
	return int(child), b.report(pipe[0])
}

// report reads what the newborn process wrote before it gave up: nothing, if its
// execve closed the pipe.
func (b Birth) report(pipe int) error {
	var failure [16]byte
	n, err := unix.Read(pipe, failure[:])
	for errors.Is(err, unix.EINTR) {
		n, err = unix.Read(pipe, failure[:])
	}
	failed, errno := len(b.Calls), syscall.Errno(0)
	if err == nil && n == len(failure) {
		failed = int(binary.NativeEndian.Uint64(failure[:]))
		errno = syscall.Errno(binary.NativeEndian.Uint64(failure[8:]))
	}
	for i, c := range b.Calls {
		if i == failed {
			return &BirthError{i, Failed(errno, "%s", c.text)}
		}
		_ = Failed(nil, "%s", c.text) // for who traces
	}
	return err
}

// birth is the clone and the newborn process. The runtime's three functions
// block signals around the clone, and give the child the handlers and the mask
// that a program expects. The child goes on with a copy of the stack. It is the old
// clone(2): Docker's seccomp profile answers ENOSYS to clone3(2).
//
//go:noinline
//go:norace
func birth(flags uintptr, calls []Prepared, pipe uintptr, failure *[2]uint64) (pid uintptr, errno syscall.Errno) {
	beforeFork()
	pid, _, errno = syscall.RawSyscall6(unix.SYS_CLONE, flags, 0, 0, 0, 0, 0)
	if pid != 0 || errno != 0 {
		afterFork()
		return pid, errno
	}
	afterForkInChild()
	for i := range calls {
		c := &calls[i]
		if _, _, errno = syscall.RawSyscall6(c.number, c.args[0], c.args[1], c.args[2], c.args[3], c.args[4], c.args[5]); errno != 0 {
			failure[0], failure[1] = uint64(i), uint64(errno)
			_, _, _ = syscall.RawSyscall(unix.SYS_WRITE, pipe, uintptr(unsafe.Pointer(failure)), unsafe.Sizeof(*failure))
			break
		}
	}
	for {
		_, _, _ = syscall.RawSyscall(unix.SYS_EXIT_GROUP, 127, 0, 0)
	}
}

//go:linkname beforeFork syscall.runtime_BeforeFork
func beforeFork()

//go:linkname afterFork syscall.runtime_AfterFork
func afterFork()

//go:linkname afterForkInChild syscall.runtime_AfterForkInChild
func afterForkInChild()

// ToSetsid is setsid(2).
func ToSetsid() Prepared { return Prepared{text: "setsid()", number: unix.SYS_SETSID} }

// ToAdopt makes the terminal at a descriptor the controlling one (TIOCSCTTY,
// ioctl_tty(2)).
func ToAdopt(fd int) Prepared {
	return Prepared{text: fmt.Sprintf("ioctl(%d, TIOCSCTTY, 0)", fd), number: unix.SYS_IOCTL, args: [6]uintptr{uintptr(fd), unix.TIOCSCTTY}}
}

// ToDieWithParent is DieWithParent. A parent that has died already sends no signal.
func ToDieWithParent() Prepared {
	return Prepared{text: "prctl(PR_SET_PDEATHSIG, SIGKILL)", number: unix.SYS_PRCTL, args: [6]uintptr{unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL)}}
}

// ToSend sends bytes over a socket. It fails if nobody holds the other end.
func ToSend(f *os.File, data []byte) Prepared {
	return Prepared{
		text: fmt.Sprintf("sendto(%q, …, %d, MSG_NOSIGNAL)", f.Name(), len(data)), number: unix.SYS_SENDTO,
		args: [6]uintptr{f.Fd(), uintptr(unsafe.Pointer(unsafe.SliceData(data))), uintptr(len(data)), unix.MSG_NOSIGNAL}, keep: data,
	}
}

// ToFilter is SetSeccompFilter.
func ToFilter(program []byte, flags uint) Prepared {
	count := len(program) / bpfInstruction
	prog := &sockFprog{uint16(count), unsafe.SliceData(program)}
	return Prepared{
		text: fmt.Sprintf("seccomp(SECCOMP_SET_MODE_FILTER, %s, {len=%d, filter=…})", seccompFlags(flags), count), number: unix.SYS_SECCOMP,
		args: [6]uintptr{unix.SECCOMP_SET_MODE_FILTER, uintptr(flags), uintptr(unsafe.Pointer(prog))}, keep: prog,
	}
}

// ToSetCaps makes a set of capabilities the permitted and the effective one, and
// empties the inheritable one (capset(2)); name is for the error.
func ToSetCaps(set uint64, name string) Prepared {
	call := &struct {
		header unix.CapUserHeader
		data   [2]unix.CapUserData
	}{
		unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3},
		[2]unix.CapUserData{
			{Effective: uint32(set), Permitted: uint32(set)},
			{Effective: uint32(set >> 32), Permitted: uint32(set >> 32)},
		},
	}
	return Prepared{
		text:   fmt.Sprintf("capset({_LINUX_CAPABILITY_VERSION_3, 0}, {effective=%s, permitted=%s, inheritable=0})", name, name),
		number: unix.SYS_CAPSET,
		args:   [6]uintptr{uintptr(unsafe.Pointer(&call.header)), uintptr(unsafe.Pointer(&call.data))}, keep: call,
	}
}

// ToExecve is execve(2).
func ToExecve(path string, argv, env []string) (Prepared, error) {
	p, err := syscall.BytePtrFromString(path)
	if err != nil {
		return Prepared{}, Failed(err, "execve(%q)", path)
	}
	args, err := syscall.SlicePtrFromStrings(argv)
	if err != nil {
		return Prepared{}, Failed(err, "execve(%q)", path)
	}
	vars, err := syscall.SlicePtrFromStrings(env)
	if err != nil {
		return Prepared{}, Failed(err, "execve(%q)", path)
	}
	return Prepared{
		text: execveText(path, argv, env), number: unix.SYS_EXECVE,
		args: [6]uintptr{uintptr(unsafe.Pointer(p)), uintptr(unsafe.Pointer(&args[0])), uintptr(unsafe.Pointer(&vars[0]))},
		keep: []any{p, args, vars},
	}, nil
}
