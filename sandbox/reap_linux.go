package sandbox

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
)

// PID 1 inherits every orphan of its namespace and is immune to signals that
// it has no handler for. Many programs are not written for that part; --init
// gives it to a small init of ours, which starts the program, passes signals
// on to it, and reaps what dies.

const (
	reapArg    = "reap"
	exitFailed = 125
)

// execReaper replaces the init by a fresh one that has all its threads inside
// the container. It keeps the socket until the program runs.
func (g *guest) execReaper(path string) error {
	if _, err := unix.FcntlInt(g.ch.f.Fd(), unix.F_SETFD, 0); err != nil {
		return linux.Failed(err, "fcntl(%s, F_SETFD, 0)", g.ch.f.Name())
	}
	argv := append([]string{InitName, reapArg, path}, g.Process.Args...)
	linux.ShowExecveat(g.self, argv)
	if err := g.announce(g.calls); err != nil {
		return err
	}
	return linux.Execveat(g.self, argv, g.Process.Env)
}

// reap is PID 1 of a container with --init. args are the program's path and
// its argv. It returns the program's status as an exit code.
func reap(args []string) int {
	if err := linux.NotDumpable(); err != nil { // the program must not look into its PID 1
		return exitFailed
	}
	unix.CloseOnExec(channelFD)
	g := guest{ch: channel{os.NewFile(channelFD, "socket to the parent")}}
	signals := make(chan os.Signal, 64)
	signal.Notify(signals)
	_ = linux.HugePages(true) // for the program
	child, err := os.StartProcess(args[0], args[1:], &os.ProcAttr{
		Env:   os.Environ(),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys:   childAttr(),
	})
	if err != nil {
		return g.fail("process.exec", diagnose(args[0], bare(err)))
	}
	g.ch.close()
	for s := range signals {
		switch s {
		case unix.SIGCHLD:
			if status, done := reapAll(child.Pid); done {
				return exitStatus(status).Code
			}
		case unix.SIGURG: // the Go runtime's own
		default:
			_ = child.Signal(s) // it may be gone already; SIGCHLD follows
		}
	}
	return 0
}

// childAttr puts the program into a process group of its own, in the
// foreground of the terminal if there is one, so that keys reach it and not us.
func childAttr() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if _, err := unix.IoctlGetInt(0, unix.TIOCGPGRP); err == nil {
		attr.Setpgid, attr.Foreground, attr.Ctty = false, true, 0
	}
	return attr
}

// reapAll collects every child that has ended and says whether pid was among them.
func reapAll(pid int) (status unix.WaitStatus, done bool) {
	for {
		var ws unix.WaitStatus
		got, err := unix.Wait4(-1, &ws, unix.WNOHANG, nil)
		if err != nil || got <= 0 {
			return status, done
		}
		if got == pid {
			status, done = ws, true
		}
	}
}

// bare takes the path off an error of os.StartProcess: diagnose adds its own.
func bare(err error) error {
	if pathErr, ok := errors.AsType[*os.PathError](err); ok {
		return fmt.Errorf("%s: %w", strings.ReplaceAll(pathErr.Op, "fork/exec", "execve"), pathErr.Err)
	}
	return err
}
