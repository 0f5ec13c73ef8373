package seccomp

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// A verdict is what a filter returns: the action in the upper 16 bits, data
// for it (an errno, mostly) in the lower. When several filters are installed
// the kernel runs all of them and obeys the strictest, seccomp(2).
type verdict uint32

const (
	killThread  verdict = 0x00000000
	killProcess verdict = 0x80000000
	trap        verdict = 0x00030000 // SIGSYS
	errno       verdict = 0x00050000
	trace       verdict = 0x7ff00000 // ask a ptrace(2) tracer
	log         verdict = 0x7ffc0000 // allow, and write an audit record
	allow       verdict = 0x7fff0000

	actionBits verdict = 0xffff0000
)

// Errnos in the numbers of Linux; they are the same on the four architectures.
const (
	eperm    = 1
	enosys   = 38
	maxErrno = 4095 // the kernel cuts larger ones down
)

// permissive is a verdict that lets a call reach the kernel, or lets a tracer
// decide that.
func (v verdict) permissive() bool {
	action := v & actionBits
	return action == allow || action == log || action == trace
}

// verdictOf translates an action of the runtime specification,
// config-linux.md#seccomp.
func verdictOf(action specs.LinuxSeccompAction, errnoRet *uint) (verdict, error) {
	data := verdict(eperm)
	if errnoRet != nil {
		if action != specs.ActErrno && action != specs.ActTrace {
			return 0, fmt.Errorf("action %q takes no errnoRet", action) // the specification wants an error
		}
		if *errnoRet > maxErrno {
			return 0, fmt.Errorf("errnoRet %d is larger than %d, the kernel's largest errno", *errnoRet, maxErrno)
		}
		data = verdict(*errnoRet)
	}
	switch action {
	case specs.ActErrno:
		return errno | data, nil
	case specs.ActTrace:
		return trace | data, nil
	case specs.ActAllow:
		return allow, nil
	case specs.ActLog:
		return log, nil
	case specs.ActTrap:
		return trap, nil
	case specs.ActKill, specs.ActKillThread:
		return killThread, nil
	case specs.ActKillProcess:
		return killProcess, nil
	case specs.ActNotify:
		return 0, &notifyError{}
	}
	return 0, fmt.Errorf("unknown action %q", action)
}

// notifyError says that a profile wants a decision by another process.
type notifyError struct{}

func (*notifyError) Error() string {
	return fmt.Sprintf("action %q is not supported: it needs a second process that answers each call", specs.ActNotify)
}

// Hint names what can be used in its place.
func (*notifyError) Hint() string {
	return fmt.Sprintf("use %q, or %q to see the calls in the audit log", specs.ActErrno, specs.ActLog)
}
