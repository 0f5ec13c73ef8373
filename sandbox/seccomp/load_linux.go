package seccomp

import (
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
)

// Load gives the calling thread the filter, seccomp(2) with
// SECCOMP_SET_MODE_FILTER. The filter holds from the return of this call on,
// for all that the thread does and for all its children.
//
// A filter belongs to a thread, so the caller must be locked to the thread
// that will call execve. It must have no_new_privs set or CAP_SYS_ADMIN in its
// user namespace, else the kernel says EACCES: a set-user-ID program must not
// be run under a filter of somebody who may not become its owner.
func Load(p Program, flags ...specs.LinuxSeccompFlag) error {
	bits, err := check(p, flags)
	if err != nil {
		return err
	}
	if err := linux.SetSeccompFilter(p.Bytes(), bits); err != nil {
		return &loadError{err}
	}
	return nil
}

// ToLoad is Load, for a newborn process.
func ToLoad(p Program, flags ...specs.LinuxSeccompFlag) (linux.Prepared, error) {
	bits, err := check(p, flags)
	if err != nil {
		return linux.Prepared{}, err
	}
	return linux.ToFilter(p.Bytes(), bits), nil
}

func check(p Program, flags []specs.LinuxSeccompFlag) (bits uint, err error) {
	if len(p) == 0 || len(p) > MaxInstructions {
		return 0, fmt.Errorf("load seccomp program: %d instructions, the kernel takes 1 to %d", len(p), MaxInstructions)
	}
	if bits, err = flagBits(flags); err != nil {
		return 0, fmt.Errorf("load seccomp program: %w", err)
	}
	return bits, nil
}

// flagBits translates the flags of a profile. SECCOMP_FILTER_FLAG_TSYNC, which
// would give the filter to all threads of the process, is no flag of the
// runtime specification since 1.1 and is refused: the other threads of the
// init are the Go runtime's, they do nothing for the container, and execve
// ends them.
func flagBits(flags []specs.LinuxSeccompFlag) (uint, error) {
	var bits uint
	for _, f := range flags {
		switch f {
		case specs.LinuxSeccompFlagLog:
			bits |= unix.SECCOMP_FILTER_FLAG_LOG
		case specs.LinuxSeccompFlagSpecAllow:
			bits |= unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW
		case specs.LinuxSeccompFlagWaitKillableRecv:
			return 0, fmt.Errorf("flag %s only makes sense with SCMP_ACT_NOTIFY, which is not supported", f)
		case "SECCOMP_FILTER_FLAG_TSYNC":
			return 0, fmt.Errorf("flag %s is not supported: the program gets the filter before it has threads", f)
		default:
			return 0, fmt.Errorf("unknown flag %q", f)
		}
	}
	return bits, nil
}

// loadError is a filter that the kernel refused.
type loadError struct{ error }

func (e *loadError) Unwrap() error { return e.error }

// Hint says what the kernel misses.
func (e *loadError) Hint() string {
	switch {
	case errors.Is(e, unix.EACCES):
		return "a filter needs CAP_SYS_ADMIN or no_new_privs; try --security-opt no-new-privileges"
	case errors.Is(e, unix.ENOSYS), errors.Is(e, unix.EINVAL):
		return "the kernel needs CONFIG_SECCOMP_FILTER; --security-opt seccomp=unconfined runs without a filter"
	}
	return ""
}
