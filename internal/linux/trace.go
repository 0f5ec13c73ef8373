package linux

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// A Call is a system call that was made, as strace(1) would print it.
type Call struct {
	Call   string // with its decoded arguments
	Result string // "ok", or the errno's name; empty: it is to be made
}

// trace hears of calls, if somebody traces. It is the one variable of the
// package: a call does not know who wants to hear of it.
var trace atomic.Pointer[func(Call)] //nolint:gochecknoglobals // see above

// Trace shows hear every call of this process that goes through Failed or Shown, from
// any goroutine and maybe two at once, until stop is called. Nothing is formatted when nobody traces.
func Trace(hear func(Call)) (stop func()) {
	trace.Store(&hear)
	return func() { trace.Store(nil) }
}

// Shown shows a call that another package made to who traces, and returns its error as
// it is. Nothing is formatted when nobody traces.
func Shown(err error, format string, args ...any) error {
	if hear := trace.Load(); hear != nil {
		errno, _ := errors.AsType[syscall.Errno](err)
		show(*hear, fmt.Sprintf(format, args...), errno)
	}
	return err
}

// show tells the tracer of a call.
func show(hear func(Call), call string, errno syscall.Errno) {
	result := "ok"
	if errno != 0 {
		result = errnoName(errno)
	}
	hear(Call{call, result})
}

// Caller is the place in the source of the call that is being heard of, as in
// "sandbox/rootfs/mount_linux.go:57": the first line outside this package below
// Failed. To be called from within hear.
func Caller() string {
	var s stack
	n := runtime.Callers(3, s[:])
	if line, ok := callers.Load(s); ok {
		return line.(string) //nolint:forcetypeassert // it was put there below
	}
	line := s.caller(n)
	callers.Store(s, line)
	return line
}

// A stack is the innermost part of one: it is near, and each frame takes the runtime its time.
type stack [8]uintptr

// callers are the lines of the stacks that were met. To find one takes the runtime longer than
// most calls take the kernel, and most calls are made in loops.
var callers sync.Map //nolint:gochecknoglobals // of stack to string; a line of code stays where it is

func (s stack) caller(n int) string {
	frames := runtime.CallersFrames(s[:n])
	for inside := false; ; {
		frame, more := frames.Next()
		pkg, line := place(frame)
		switch {
		case pkg == "internal/linux":
			inside = true
		case inside || !more:
			return line
		}
	}
}

// place turns "github.com/learnbox/learnbox/sandbox/rootfs.(*Root).Mount" and a
// file of any path into the package and the line in it.
func place(f runtime.Frame) (pkg, line string) {
	slash := strings.LastIndex(f.Function, "/") + 1
	dot := strings.Index(f.Function[slash:], ".")
	pkg = strings.TrimPrefix(f.Function[:slash+max(dot, 0)], "github.com/learnbox/learnbox/")
	return pkg, pkg + f.File[strings.LastIndex(f.File, "/"):] + ":" + strconv.Itoa(f.Line)
}
