package sandbox

import (
	"errors"
	"fmt"
	"os"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/sandbox/network"
	"github.com/learnbox/learnbox/sandbox/rootfs"
)

// A guest is the init on its way to becoming the container's program.
type guest struct {
	*plan
	ch     channel
	root   *rootfs.Root // from rootfs.overlay on
	slave  *os.File     // from tty.open on
	master *os.File     // kept when nobody else does: see keepTerminal
	begun  bool         // it has told of its first step
	filter *Filter      // from init.wait on
	self   *os.File     // this program, kept for --init

	calls []narrate.Call // of the step that is being taken, if the parent attends

	announced bool // the parent knows that the execve comes
	born      bool // another process has become the program: see birth_linux.go
}

// channelFD is where the init finds its end of the socket.
const channelFD = 3

// RunInit is all that the program learnbox-init does: it builds the container
// around itself and becomes its program. It returns only if that failed, with
// the process's exit code. Its caller has locked the goroutine to the leader
// thread.
func RunInit(args []string) int {
	if len(args) > 1 && args[1] == reapArg {
		return reap(args[2:])
	}
	g := guest{ch: channel{os.NewFile(channelFD, "socket to the parent")}}
	if err := g.prepare(); err != nil {
		return g.fail("init.clone", err)
	}
	table := initSteps()
	if g.Enters {
		table = joinSteps()
	}
	for _, s := range table {
		if s.needed != nil && !s.needed(g.plan) {
			continue
		}
		if slices.Contains(g.Without, s.ID) {
			continue
		}
		if err := g.take(s); err != nil {
			return g.fail(s.ID, err)
		}
		if g.born {
			return g.leave()
		}
	}
	return 0 // unreachable: process.exec returns only with an error
}

// prepare makes the init safe to be looked at, and waits for the plan. The
// death of the parent before it comes ends the wait.
func (g *guest) prepare() error {
	if err := linux.NotDumpable(); err != nil {
		return err
	}
	if err := linux.DieWithParent(); err != nil {
		return err
	}
	if err := linux.SetName(InitName); err != nil { // it was executed by a descriptor, and is named like that
		return err
	}
	unix.CloseOnExec(channelFD)
	unix.Umask(0) // modes are given exactly; the program's own umask is set before the execve
	g.plan = new(plan)
	if _, err := g.ch.receive(g.plan); err != nil {
		return fmt.Errorf("wait for the plan: %w", err)
	}
	if !g.Reaper { // which is executed once more, and is to stay small, too
		return linux.HugePages(true) // for the program: this one has what it needs
	}
	self, err := linux.Open("/proc/self/exe", unix.O_RDONLY)
	g.self = self
	return err
}

// fail tells the parent which step failed and returns the exit code, in case
// the parent cannot hear it.
func (g *guest) fail(step string, err error) int {
	failure := &StepError{Step: step, Text: err.Error(), Code: 125, Way: hint(step, err)}
	if program, ok := errors.AsType[*ProgramError](err); ok {
		failure.Code = program.Code
	}
	if deed, ok := errors.AsType[*deedError](err); ok {
		failure.Step = deed.step
	}
	_ = g.ch.send(&message{Failure: failure}, nil)
	return failure.Code
}

func (g *guest) warn(format string, args ...any) error {
	return g.ch.send(&message{Warning: fmt.Sprintf(format, args...)}, nil)
}

// unshare moves the init into one new namespace (unshare(2)).
func unshare(kind specs.LinuxNamespaceType) func(*guest) error {
	return func(*guest) error { return linux.Unshare(cloneFlag(kind)) }
}

// cloneFlag is the flag of clone(2) and unshare(2) for a kind of namespace.
func cloneFlag(kind specs.LinuxNamespaceType) int {
	switch kind {
	case specs.UTSNamespace:
		return unix.CLONE_NEWUTS
	case specs.IPCNamespace:
		return unix.CLONE_NEWIPC
	case specs.NetworkNamespace:
		return unix.CLONE_NEWNET
	case specs.CgroupNamespace:
		return unix.CLONE_NEWCGROUP
	case specs.MountNamespace:
		return unix.CLONE_NEWNS
	case specs.PIDNamespace:
		return unix.CLONE_NEWPID
	case specs.UserNamespace:
		return unix.CLONE_NEWUSER
	case specs.TimeNamespace:
		return unix.CLONE_NEWTIME
	}
	return 0
}

func (g *guest) upLoopback() error { return network.UpLoopback() }
