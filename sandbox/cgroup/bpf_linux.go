package cgroup

import (
	"errors"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
)

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

// filterDevices gives the group a program that keeps to the rules. It stays
// until the group is removed; no descriptor has to be kept for it.
func filterDevices(group *os.File, rules []deviceRule) error {
	prog, err := loadProgram(encode(deviceProgram(rules)))
	if err != nil {
		return &deviceFilterError{err}
	}
	defer unix.Close(prog)

	// With BPF_F_ALLOW_MULTI the programs of the groups above are asked too,
	// and a group inside this one can only allow less.
	attr := bpfProgAttach{
		target: uint32(group.Fd()), prog: uint32(prog),
		typ: unix.BPF_CGROUP_DEVICE, flags: unix.BPF_F_ALLOW_MULTI,
	}
	if _, err := bpf(unix.BPF_PROG_ATTACH, unsafe.Pointer(&attr), unsafe.Sizeof(attr)); err != nil {
		return &deviceFilterError{linux.Failed(err, "bpf(BPF_PROG_ATTACH, {target_fd=%q, attach_type=BPF_CGROUP_DEVICE, attach_flags=BPF_F_ALLOW_MULTI})", group.Name())}
	}
	runtime.KeepAlive(group)
	return nil
}

func loadProgram(code []byte) (fd int, err error) {
	license := []byte("Apache-2.0\x00")
	attr := bpfProgLoad{
		progType:  unix.BPF_PROG_TYPE_CGROUP_DEVICE,
		insnCount: uint32(len(code) / 8),
		insns:     uint64(uintptr(unsafe.Pointer(&code[0]))),
		license:   uint64(uintptr(unsafe.Pointer(&license[0]))),
	}
	copy(attr.progName[:], "learnbox_device")
	fd, err = bpf(unix.BPF_PROG_LOAD, unsafe.Pointer(&attr), unsafe.Sizeof(attr))
	runtime.KeepAlive(code)
	runtime.KeepAlive(license)
	return fd, linux.Failed(err, "bpf(BPF_PROG_LOAD, {prog_type=BPF_PROG_TYPE_CGROUP_DEVICE, insn_cnt=%d})", len(code)/8)
}

func bpf(command uintptr, attr unsafe.Pointer, size uintptr) (int, error) {
	r, _, errno := unix.Syscall(unix.SYS_BPF, command, uintptr(attr), size)
	if errno != 0 {
		return -1, errno
	}
	return int(r), nil
}

// deviceFilterError says that the rules for devices could not be set up. A
// container is not started without them: with them missing, its root could make
// a node of the host's disk and write to it.
type deviceFilterError struct{ error }

func (e *deviceFilterError) Error() string { return "filter devices: " + e.error.Error() }

func (e *deviceFilterError) Unwrap() error { return e.error }

// Hint says what the kernel or the user misses.
func (e *deviceFilterError) Hint() string {
	switch {
	case errors.Is(e.error, unix.EPERM), errors.Is(e.error, unix.EACCES):
		return "device rules on cgroup v2 need CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN, in the first user namespace; --privileged runs without rules"
	case errors.Is(e.error, unix.ENOSYS), errors.Is(e.error, unix.EINVAL):
		return "device rules on cgroup v2 need a kernel since 4.15 with CONFIG_CGROUP_BPF; --privileged runs without rules"
	}
	return ""
}
