package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/sandbox/cgroup"
)

// An Init is the first process of a container, in its cgroup and its pid
// namespace, and waiting to hear what else it is to build. It takes a
// millisecond to come up, in which its parent can prepare that.
//
// Either Start or Abort must be called.
type Init struct {
	CloneOptions
	Config // from Start on

	program  func() (*os.File, error) // opens the init's program, once
	group    *cgroup.Group
	enters   bool     // a container that is there already: see enter_linux.go
	apart    bool     // in a group of its own there
	target   *os.File // a pidfd of its first process, which the init inherits
	keeps    bool     // the init stays, for the program's terminal
	born     int      // who becomes the program then, or 0
	pid      int      // 0 before the clone
	ch       channel
	filter   Filter         // from Meanwhile
	table    []step[*guest] // the init's; see childTable
	told     narrate.Event  // the last that came from the init
	toldAt   time.Time
	calls    []narrate.Call // of the step that ended with the execve
	warnings []string
	terminal *os.File
}

// Clone makes a cgroup and the init in it. If it fails, nothing is left.
//
// Errors: *StepError.
func Clone(ctx context.Context, o CloneOptions) (*Init, error) {
	i := newInit(o)
	if !o.Narrate.Attends() { // else its calls would be taken for those of another step
		go i.program() //nolint:errcheck // clone looks
	}
	if err := take(ctx, i, cloneSteps()); err != nil {
		i.Abort()
		return nil, err
	}
	return i, nil
}

func newInit(o CloneOptions) *Init {
	return &Init{CloneOptions: o, program: sync.OnceValues(func() (*os.File, error) { return openInit(o.Programs, o.Empty) })}
}

// take takes the parent's steps of a table, which every container needs.
// Config.Without is known from Start on.
func take(ctx context.Context, i *Init, table []step[*Init]) error {
	for _, row := range table {
		if err := ctx.Err(); err != nil {
			return err
		}
		if slices.Contains(i.Without, row.ID) {
			continue
		}
		var failed error
		var calls []narrate.Call
		if err := i.Narrate.Run(row.Step, func() error {
			defer TraceCalls(i.Narrate, &calls)()
			failed = row.do(i)
			return failed
		}, func(e *narrate.Event) { e.Pid, e.Calls = i.pid, calls }); failed != nil {
			return &StepError{Step: row.ID, Text: failed.Error(), Code: 125, Way: hint(row.ID, failed), err: failed}
		} else if err != nil {
			return err // who hears it ended it
		}
	}
	return nil
}

// Abort ends whatever was begun. The kernel takes the namespaces and mounts
// down with the last process in them.
func (i *Init) Abort() {
	if i.ch.f != nil {
		i.ch.close()
	}
	for _, pid := range []int{i.pid, i.born} {
		if pid != 0 {
			_ = unix.Kill(pid, unix.SIGKILL)
			_, _ = linux.Reap(pid)
		}
	}
	if unused, err := i.program(); err == nil {
		unused.Close() // clone may have done so
	}
	if i.group != nil && (i.apart || !i.enters) {
		_ = errors.Join(i.group.Kill(), i.group.Remove()) // what still stands is found by the next command
	}
	if i.terminal != nil {
		i.terminal.Close()
	}
}

func (i *Init) createCgroup() error {
	h, err := cgroup.Detect()
	if err != nil {
		return err
	}
	i.group, err = cgroup.Create(h, i.Cgroup)
	return err
}

// clone starts the init in its cgroup. A new pid namespace has to come with the
// clone; all others are the init's own steps.
func (i *Init) clone() error {
	opened, err := i.program()
	if err != nil {
		return err
	}
	defer opened.Close()
	ours, theirs, err := newChannel()
	if err != nil {
		return err
	}
	i.ch = ours
	defer theirs.close()
	null, err := linux.Open(os.DevNull, unix.O_RDWR)
	if err != nil {
		return err
	}
	defer null.Close()
	if err := linux.HugePages(false); err != nil { // for the init: with three of them it would not fit into the least limit of memory
		return err
	}
	p := linux.Program{File: opened, Argv: []string{InitName}, Env: []string{}, Files: []*os.File{i.Stdin, i.Stdout, i.Stderr, theirs.f}}
	if i.target != nil {
		p.Files = append(p.Files, i.target)
	}
	for fd, f := range p.Files {
		if f == nil {
			p.Files[fd] = null
		}
	}
	if !i.HostPIDs && !i.enters {
		p.Namespaces = unix.CLONE_NEWPID
	}
	if p.Cgroup, err = i.group.FD(); err != nil {
		return err
	}
	if p.Cgroup != nil {
		defer p.Cgroup.Close()
	}
	err = i.group.Inside(func() error {
		i.pid, err = linux.StartProgram(p)
		return err
	})
	if noMemory(errnoOf(err)) {
		return fmt.Errorf("the init ran out of memory: %w", err)
	}
	return err
}

// noMemory reports whether an errno of the clone or the execve means that: E2BIG
// is said of few arguments when there is no page for them, ENOENT of an open
// file in /proc when there is none for its inode, and ENFILE of a pipe when there is
// none for its (create_pipe_files in the kernel's fs/pipe.c).
func noMemory(n syscall.Errno) bool {
	return n == unix.ENOMEM || n == unix.E2BIG || n == unix.ENOENT || n == unix.ENFILE
}
