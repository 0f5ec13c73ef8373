package sandbox

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
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

	program  chan program // of the init, opened while the cgroup is made; once, then closed
	group    *cgroup.Group
	pid      int // 0 before the clone
	ch       channel
	filter   Filter // from Meanwhile
	warnings []string
	terminal *os.File
}

type program struct {
	f   *os.File
	err error
}

// Clone makes a cgroup and the init in it. If it fails, nothing is left.
//
// Errors: *StepError.
func Clone(ctx context.Context, o CloneOptions) (*Init, error) {
	i := &Init{CloneOptions: o, program: make(chan program, 1)}
	go func() {
		f, err := openInit(o.Programs, o.Empty)
		i.program <- program{f, err}
		close(i.program)
	}()
	if err := take(ctx, i, cloneSteps()); err != nil {
		i.Abort()
		return nil, err
	}
	return i, nil
}

// take takes the parent's steps of a table, which every container needs.
func take(ctx context.Context, i *Init, table []step[*Init]) error {
	for _, row := range table {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := i.Narrate.Run(row.Step, func() error { return row.do(i) }); err != nil {
			return &StepError{Step: row.ID, Text: err.Error(), Code: 125, Way: hint(row.ID, err), err: err}
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
	if i.pid != 0 {
		_ = unix.Kill(i.pid, unix.SIGKILL)
		_, _ = linux.Reap(i.pid)
	}
	if unused := <-i.program; unused.f != nil {
		unused.f.Close()
	}
	if i.group != nil {
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
	opened := <-i.program
	if opened.err != nil {
		return opened.err
	}
	defer opened.f.Close()
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
	p := linux.Program{File: opened.f, Argv: []string{InitName}, Env: []string{}, Files: []*os.File{i.Stdin, i.Stdout, i.Stderr, theirs.f}}
	for fd, f := range p.Files {
		if f == nil {
			p.Files[fd] = null
		}
	}
	if !i.HostPIDs {
		p.Namespaces = unix.CLONE_NEWPID
	}
	if p.Cgroup, err = i.group.FD(); err != nil {
		return err
	}
	if p.Cgroup != nil {
		defer p.Cgroup.Close()
	}
	return i.group.Inside(func() error {
		i.pid, err = linux.StartProgram(p)
		return err
	})
}
