package linux

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// This file tries features of the kernel, each where nobody else can see it, and
// leaves nothing. No error means that the feature is there; EPERM mostly that
// only root can tell.

// apart calls do on a thread that moves into new namespaces first, and into a
// mount namespace of its own with CLONE_NEWNS among flags. The goroutine stays
// locked to its thread, so the Go runtime ends that thread with it, and the
// namespaces go with the thread. Only the leader thread cannot end: it hands on.
func apart(flags int, do func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			done <- apart(flags, do)
			runtime.UnlockOSThread()
			return
		}
		err := Unshare(flags)
		if err == nil {
			err = do()
		}
		done <- err
	}()
	return <-done
}

// TryNamespace makes a namespace of a kind, a CLONE_NEW… flag.
func TryNamespace(kind int) error {
	if kind == unix.CLONE_NEWUSER {
		return tryUserNamespace(0)
	}
	return apart(kind, func() error { return nil })
}

// TryUserNamespaceRights makes a user namespace and, with the rights that one
// has inside, another namespace: some systems let anybody do the first and
// nobody the second.
func TryUserNamespaceRights() error { return tryUserNamespace(unix.CLONE_NEWUTS) }

// tryUserNamespace needs a process of its own: one with threads cannot enter a
// user namespace, unshare(2). It is this program, saying its version to nobody.
func tryUserNamespace(more uintptr) error {
	self, err := Open("/proc/self/exe", unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer self.Close()
	null, err := Open(os.DevNull, unix.O_RDWR)
	if err != nil {
		return err
	}
	defer null.Close()
	pid, err := StartProgram(Program{
		File: self, Argv: []string{"learnbox", "version"}, Env: []string{},
		Files: []*os.File{null, null, null}, Namespaces: unix.CLONE_NEWUSER | more,
	})
	if err != nil {
		return err
	}
	_, err = Reap(pid)
	return err
}

// TryOverlay mounts an overlay whose directories are below dir.
func TryOverlay(dir string) (err error) {
	dir, err = os.MkdirTemp(dir, "learnbox-doctor-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for _, sub := range []string{"lower", "upper", "work", "merged"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			return err
		}
	}
	return apart(unix.CLONE_NEWNS, func() error {
		if err := Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			return err
		}
		options := fmt.Sprintf("lowerdir=%[1]s/lower,upperdir=%[1]s/upper,workdir=%[1]s/work", dir)
		return Mount("overlay", filepath.Join(dir, "merged"), "overlay", 0, options)
	})
}

// TrySeccomp asks whether a filter may answer with an errno.
func TrySeccomp() error {
	const getActionAvail = 2 // SECCOMP_GET_ACTION_AVAIL of linux/seccomp.h
	action := uint32(unix.SECCOMP_RET_ERRNO)
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, getActionAvail, 0, uintptr(unsafe.Pointer(&action)))
	return Failed(errno, "seccomp(SECCOMP_GET_ACTION_AVAIL, 0, [SECCOMP_RET_ERRNO])")
}

// TryCalls makes the youngest system calls that a run cannot do without, in a
// way that changes nothing.
func TryCalls() error {
	root, err := Open("/", unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer root.Close()
	f, err := OpenIn(root, "proc", unix.O_PATH, 0, unix.RESOLVE_IN_ROOT) // openat2, Linux 5.6
	if err != nil {
		return err
	}
	f.Close()
	const none = ^uint(0)
	err = unix.CloseRange(none, none, unix.CLOSE_RANGE_CLOEXEC) // Linux 5.11 for the flag
	return Failed(err, "close_range(~0U, ~0U, CLOSE_RANGE_CLOEXEC)")
}

// TryNftables asks the packet filter for its generation, nfnetlink.h and
// nf_tables.h. The kernel may have to load a module for the answer.
func TryNftables() error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return Failed(err, "socket(AF_NETLINK, SOCK_RAW|SOCK_CLOEXEC, NETLINK_NETFILTER)")
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 2}); err != nil {
		return err
	}
	const length = unix.SizeofNlMsghdr + 4 // a struct nfgenmsg of zeros
	ask := make([]byte, length)
	binary.NativeEndian.PutUint32(ask, length)
	binary.NativeEndian.PutUint16(ask[4:], unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_GETGEN)
	binary.NativeEndian.PutUint16(ask[6:], unix.NLM_F_REQUEST)
	const call = "sendto(NETLINK_NETFILTER, {nlmsg_type=NFT_MSG_GETGEN})"
	if err := unix.Sendto(fd, ask, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return Failed(err, call)
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, answer, 0)
	if err != nil || n < unix.SizeofNlMsghdr+4 {
		return Failed(err, call)
	}
	if binary.NativeEndian.Uint16(answer[4:]) == unix.NLMSG_ERROR {
		errno := -int32(binary.NativeEndian.Uint32(answer[unix.SizeofNlMsghdr:]))
		return Failed(unix.Errno(errno), call)
	}
	return nil
}
