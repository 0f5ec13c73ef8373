// Package linux makes system calls that print like strace when they fail.
//
// Every call that learnbox makes to build a container goes through here, so
// that an error shows the call as the kernel saw it, flags by name, with the
// errno's name behind its text:
//
//	mount("proc", "/proc/self/fd/7", "proc", MS_NOSUID|MS_NODEV, ""): operation not permitted (EPERM)
//
// The package also holds what the rest of learnbox must not touch itself: the
// only unsafe code, the only runtime.LockOSThread, and paths that are resolved
// inside a directory that a stranger has filled (openat2(2)).
//
// learnbox needs Linux 5.10: openat2 came with 5.6, open_tree and move_mount
// with 5.2, close_range with 5.9.
package linux

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// LockThread ties the calling goroutine to its thread for good. Namespaces,
// capabilities, the parent death signal and the seccomp filter belong to a
// thread, not to a process; called from main's init function, the thread is
// the leader, whose /proc/PID/ns everybody looks at.
func LockThread() { runtime.LockOSThread() }

// A CallError is a system call that failed, as strace would print it.
type CallError struct {
	Call  string // the call with its decoded arguments
	Errno syscall.Errno
}

func (e *CallError) Error() string {
	name := errnoName(e.Errno)
	if name == "" {
		return fmt.Sprintf("%s: %v", e.Call, e.Errno)
	}
	return fmt.Sprintf("%s: %v (%s)", e.Call, e.Errno, name)
}

// Unwrap lets errors.Is find the errno, and fs.ErrNotExist and its like through it.
func (e *CallError) Unwrap() error { return e.Errno }

// Failed wraps the errno that a call ended with in a CallError; format and args
// show the call. No error stays none, as does errno 0, and formats nothing
// unless somebody traces.
func Failed(err error, format string, args ...any) error {
	errno, isErrno := err.(syscall.Errno) //nolint:errorlint // x/sys/unix returns the bare Errno
	if hear := trace.Load(); hear != nil {
		show(*hear, fmt.Sprintf(format, args...), errno)
	}
	switch {
	case err == nil || isErrno && errno == 0:
		return nil
	case !isErrno:
		return fmt.Errorf(format+": %w", append(args, err)...)
	}
	return &CallError{Call: fmt.Sprintf(format, args...), Errno: errno}
}

// words prints as strace prints an array of strings.
type words []string

func (w words) String() string {
	quoted := make([]string, len(w))
	for i, word := range w {
		quoted[i] = strconv.Quote(word)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// A flagName pairs bits with the name that the manual page gives them.
type flagName struct {
	bits uint64
	name string
}

// flags prints v as names joined by |, what is left over in hex, and 0 as 0.
func flags(v uint64, names []flagName) string {
	var out []string
	for _, n := range names {
		if v&n.bits == n.bits {
			out = append(out, n.name)
			v &^= n.bits
		}
	}
	if v != 0 || len(out) == 0 {
		if v == 0 {
			return "0"
		}
		out = append(out, "0x"+strconv.FormatUint(v, 16))
	}
	return strings.Join(out, "|")
}
