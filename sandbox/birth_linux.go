package sandbox

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
	"github.com/learnbox/learnbox/sandbox/caps"
	"github.com/learnbox/learnbox/sandbox/seccomp"
)

// This file is the last step of a process that enters a container: it has joined
// all namespaces, but its children only are in the pid namespace. So it has one,
// and that becomes the program at once.
//
// Until then nobody in the container could see that somebody is coming. That
// matters: a program with CAP_SYS_PTRACE can look into every process of its
// pid namespace, whether that is dumpable or not, and a newcomer with the host's
// root, or with more capabilities, would be its way out (CVE-2016-9962).

// A deed is a system call of the newborn process, and the step that it takes.
type deed struct {
	step string
	call linux.Prepared
}

// A deedError is an error of another step than the one that is being taken.
type deedError struct {
	step string
	err  error
}

func (e *deedError) Error() string { return e.err.Error() }

func (e *deedError) Unwrap() error { return e.err }

// bear makes the process that becomes the program. It is the child of this
// process's parent, which waits for it.
func (g *guest) bear() error {
	p := g.Process
	setUmask(p.User)
	if err := linux.CloseOnExecFrom(channelFD); err != nil {
		return err
	}
	path, err := lookPath(p.Args[0], p.Env)
	if err != nil {
		return &deedError{"process.exec", err}
	}
	if err := g.spare(); err != nil {
		return err
	}
	deeds, err := g.deeds(path)
	if err != nil {
		return err
	}
	birth := linux.Birth{Flags: unix.CLONE_PARENT}
	for _, d := range deeds {
		birth.Calls = append(birth.Calls, d.call)
	}
	pid, err := birth.Start()
	if pid != 0 {
		err = errors.Join(err, g.ch.send(&message{Born: pid, Keeps: g.master != nil}, nil))
	}
	if failed, ok := errors.AsType[*linux.BirthError](err); ok {
		if failed.Index == len(deeds)-1 {
			err = diagnose(path, failed)
		}
		return &deedError{deeds[failed.Index].step, err}
	}
	g.born = err == nil
	return err
}

// leave ends a process that has borne the program.
func (g *guest) leave() int {
	if g.master != nil {
		_ = g.keepTerminal() // it ends with EIO
	}
	return 0
}

// keepTerminal is what remains to be done for a program with a terminal that
// outlives whoever started it: somebody has to hold the other end, or the kernel
// hangs up. What the program says, nobody reads.
func (g *guest) keepTerminal() error {
	if err := linux.LiveOn(); err != nil {
		return err
	}
	for fd := range channelFD + 1 { // of the terminal, too; and the parent goes on when its socket closes
		_ = unix.Close(fd)
	}
	_ = g.slave.Close()
	_, err := io.Copy(io.Discard, g.master)
	return err
}

// spare gives up all capabilities but the program's, and the one without which
// a filter of the user's could not be loaded.
func (g *guest) spare() error {
	set, err := g.capabilities()
	if err != nil {
		return err
	}
	if ownFilter(true)(g.plan) && !g.Process.NoNewPrivileges {
		admin, err := caps.Parse("SYS_ADMIN")
		if err != nil {
			return err
		}
		set |= admin
	}
	return caps.Apply(set)
}

// deeds are the last steps of the init's table, as calls. That the execve comes is
// told before the filter could forbid it; it cannot be told to a parent that has
// died before it could take the newborn process along.
func (g *guest) deeds(path string) ([]deed, error) {
	p := g.Process
	all := []deed{{"tty.session", linux.ToSetsid()}}
	if g.slave != nil {
		for fd := range 3 {
			if err := unix.Dup3(int(g.slave.Fd()), fd, 0); err != nil {
				return nil, linux.Failed(err, "dup3(pty slave, %d, 0)", fd)
			}
		}
		all = append(all, deed{"tty.session", linux.ToAdopt(0)})
	}
	if !g.Stay {
		all = append(all, deed{"exec.clone", linux.ToDieWithParent()})
	}
	all = append(all, deed{"exec.clone", linux.ToSend(g.ch.f, whole(&message{Exec: true}))})
	if ownFilter(true)(g.plan) {
		program, err := seccomp.FromBytes(g.filter.Program)
		if err != nil {
			return nil, err
		}
		load, err := seccomp.ToLoad(program, g.filter.Flags...)
		if err != nil {
			return nil, err
		}
		all = append(all, deed{"seccomp.load", load})
	}
	set, err := g.capabilities()
	if err != nil {
		return nil, err
	}
	execve, err := linux.ToExecve(path, p.Args, p.Env)
	if err != nil {
		return nil, err
	}
	return append(all, deed{"caps.set", caps.ToApply(set)}, deed{"process.exec", execve}), nil
}
