package linux

import (
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The kernel runs two kinds of programs for a container, and takes each as
// instructions of 8 bytes in the byte order of the machine.

// bpfInstruction is the size of an instruction, in classic BPF (struct
// sock_filter) as in extended BPF (struct bpf_insn).
const bpfInstruction = 8

// sockFprog is struct sock_fprog of linux/filter.h.
type sockFprog struct {
	count  uint16
	filter *byte
}

// SetSeccompFilter is seccomp(2) with SECCOMP_SET_MODE_FILTER: from its return
// on, the calling thread and all its children ask the classic BPF program
// before each system call. flags are SECCOMP_FILTER_FLAG_….
//
// x/sys/unix has no function for it. The raw call tells the Go scheduler
// nothing, which is right for a thread that is never to be changed.
func SetSeccompFilter(program []byte, flags uint) error {
	count := len(program) / bpfInstruction
	prog := sockFprog{uint16(count), unsafe.SliceData(program)}
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, uintptr(flags), uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(program)
	return Failed(errno, "seccomp(SECCOMP_SET_MODE_FILTER, %s, {len=%d, filter=…})", seccompFlags(flags), count)
}

// The two commands of bpf(2) that are needed, each with the part of union
// bpf_attr (linux/bpf.h) that it reads. The kernel takes the rest as zero.
type (
	bpfProgLoad struct {
		progType    uint32
		insnCount   uint32
		insns       uint64 // pointer
		license     uint64 // pointer
		logLevel    uint32
		logSize     uint32
		logBuf      uint64
		kernVersion uint32
		progFlags   uint32
		progName    [16]byte // what "bpftool prog" shows
	}
	bpfProgAttach struct {
		target uint32 // descriptor of the group's directory
		prog   uint32
		typ    uint32
		flags  uint32
	}
)

// LoadDeviceProgram gives the kernel an extended BPF program that decides about
// the use of devices. The kernel proves that it ends and stays within its
// memory before it takes it.
func LoadDeviceProgram(code []byte) (*os.File, error) {
	license := []byte("Apache-2.0\x00") // some helper functions are for the GPL only; none is called
	attr := bpfProgLoad{
		progType:  unix.BPF_PROG_TYPE_CGROUP_DEVICE,
		insnCount: uint32(len(code) / bpfInstruction),
		insns:     uint64(uintptr(unsafe.Pointer(unsafe.SliceData(code)))),
		license:   uint64(uintptr(unsafe.Pointer(unsafe.SliceData(license)))),
	}
	copy(attr.progName[:], "learnbox_device")
	fd, err := -1, error(nil)
	// A signal ends the proof with EAGAIN, and Go's scheduler sends many: do_check() in kernel/bpf/verifier.c.
	if blocked := withoutSignals(func() {
		fd, err = bpf(unix.BPF_PROG_LOAD, unsafe.Pointer(&attr), unsafe.Sizeof(attr))
	}); blocked != nil {
		return nil, blocked
	}
	runtime.KeepAlive(code)
	runtime.KeepAlive(license)
	if err := Failed(err, "bpf(BPF_PROG_LOAD, {prog_type=BPF_PROG_TYPE_CGROUP_DEVICE, insn_cnt=%d})", attr.insnCount); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "device program"), nil
}

// AttachDeviceProgram makes a cgroup v2, given by its directory, ask the
// program. With BPF_F_ALLOW_MULTI the programs of the groups above are asked
// too, and a group inside this one can only allow less.
func AttachDeviceProgram(group, program *os.File) error {
	attr := bpfProgAttach{
		target: uint32(group.Fd()), prog: uint32(program.Fd()),
		typ: unix.BPF_CGROUP_DEVICE, flags: unix.BPF_F_ALLOW_MULTI,
	}
	_, err := bpf(unix.BPF_PROG_ATTACH, unsafe.Pointer(&attr), unsafe.Sizeof(attr))
	runtime.KeepAlive(group)
	runtime.KeepAlive(program)
	return Failed(err, "bpf(BPF_PROG_ATTACH, {target_fd=%q, attach_type=BPF_CGROUP_DEVICE, attach_flags=BPF_F_ALLOW_MULTI})", group.Name())
}

func bpf(command uintptr, attr unsafe.Pointer, size uintptr) (int, error) {
	r, _, errno := unix.Syscall(unix.SYS_BPF, command, uintptr(attr), size)
	if errno != 0 {
		return -1, errno
	}
	return int(r), nil
}

// withoutSignals calls do while this thread's signals wait; see pthread_sigmask(3).
func withoutSignals(do func()) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all, before unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = ^all.Val[i]
	}
	if err := Failed(unix.PthreadSigmask(unix.SIG_SETMASK, &all, &before), "rt_sigprocmask(SIG_SETMASK, all)"); err != nil {
		return err
	}
	do()
	return Failed(unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil), "rt_sigprocmask(SIG_SETMASK, before)")
}
