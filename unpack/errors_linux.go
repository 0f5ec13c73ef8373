package unpack

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
)

// failed prints a failed system call as strace would; nil stays nil.
func failed(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	call := fmt.Sprintf(format, args...)
	if errno, ok := errors.AsType[unix.Errno](err); ok {
		return &linux.CallError{Call: call, Errno: errno}
	}
	return fmt.Errorf("%s: %w", call, err)
}

// A spaceError is a disk that is full, or a quota.
type spaceError struct {
	dir string
	err error
}

func (e *spaceError) Error() string { return e.err.Error() }
func (e *spaceError) Unwrap() error { return e.err }

// Hint names the way out.
func (e *spaceError) Hint() string {
	return fmt.Sprintf("make room on the file system of %s (learnbox rmi, learnbox prune), or keep learnbox's data elsewhere with --root; nothing of this image is left there", e.dir)
}

func spaceHint(dir string, err error) error {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return &spaceError{dir, err}
	}
	return err
}

// retry repeats a call that a signal has interrupted: file systems in user space
// and over the network do that, signal(7).
func retry(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
