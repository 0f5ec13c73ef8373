package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
	"github.com/learnbox/learnbox/sandbox/cgroup"
	"github.com/learnbox/learnbox/sandbox/rootfs"
)

// This file lets another program into a container that runs: `learnbox exec`.
//
// A pid namespace is entered by being born in it, all others by setns(2). So the
// parent's thread turns to the container's pid namespace, clones the init's program
// there, in the container's control group, and turns back. That process joins
// the other namespaces, and then takes the last of the steps that the container's
// own init took. It is as careful as that one: sealed, not dumpable before it is
// inside (CVE-2016-9962), and with no descriptor of the host but its streams.

// pidfdFD is where a process that enters finds the container's first process.
const pidfdFD = 4

// Enter starts a program in a container. The caller waits for it.
//
// Errors: *StepError; ErrGone.
func Enter(ctx context.Context, o EnterOptions) (*Process, error) {
	h, err := cgroup.Detect()
	if err != nil {
		return nil, err
	}
	group, err := cgroup.Open(h, o.Cgroup)
	if err != nil {
		return nil, err
	}
	i := newInit(o.CloneOptions)
	i.enters, i.target, i.group, i.filter = true, o.Pid, group, o.Filter
	i.Config = Config{
		Spec: &specs.Spec{Process: o.Process, Linux: &specs.Linux{Namespaces: o.Namespaces}},
		Size: o.Size, Unconfined: o.Unconfined, OwnFilter: o.OwnFilter, Stay: o.Stay,
	}
	stop := context.AfterFunc(ctx, i.killInit)
	defer stop()
	err = take(ctx, i, enterTable())
	if err == nil || errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) { // it has ended, and has said why
		err = cmp.Or(i.listen(), err)
	}
	if err != nil {
		i.Abort()
		return nil, cmp.Or(ctx.Err(), err)
	}
	i.ch.close()
	return &Process{Pid: i.pid, Terminal: i.terminal, Warnings: i.warnings}, nil
}

// enterTable is the parent's part.
func enterTable() []step[*Init] {
	return []step[*Init]{
		row("exec.clone", "A process in the container's pid namespace",
			"a pid namespace is entered by birth only; it waits for its plan",
			nil, (*Init).cloneInside),
		row("init.plan", "The init hears what to do",
			"it knows nothing of the container yet",
			nil, (*Init).sendPlan),
		row("init.go", "The word to go on",
			"it brings the filter for system calls",
			nil, (*Init).release),
	}
}

// joinSteps are taken by the process that enters.
func joinSteps() []step[*guest] {
	return append([]step[*guest]{
		row("exec.join", "The container's other namespaces",
			"first, so that all that follows happens inside",
			nil, (*guest).join),
		row("exec.tty", "A terminal",
			"from the container's own devpts",
			terminal, (*guest).openOwnTerminal),
	}, stepsNamed("process.cwd", "limits.rlimits", "tty.session", "init.wait", "caps.bound", "user.set", "privs.no_new", "seccomp.load", "caps.set", "process.exec")...)
}

// stepsNamed are rows of the init's table, in its order.
func stepsNamed(ids ...string) []step[*guest] {
	var rows []step[*guest]
	for _, s := range initSteps() {
		for _, id := range ids {
			if s.ID == id {
				rows = append(rows, s)
			}
		}
	}
	return rows
}

// cloneInside is clone for a container that is there already. The descriptor of its
// first process is opened before it is looked at, so that what is entered is
// what was looked at.
func (i *Init) cloneInside() error {
	fd, err := unix.PidfdOpen(i.target, 0)
	if errors.Is(err, unix.ESRCH) {
		return ErrGone
	}
	if err := linux.Failed(err, "pidfd_open(%d, 0)", i.target); err != nil {
		return err
	}
	target := os.NewFile(uintptr(fd), fmt.Sprintf("process %d", i.target))
	defer target.Close()
	member, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", i.target))
	if err != nil || !strings.Contains(string(member), "/"+i.Cgroup+"\n") {
		return ErrGone
	}
	runtime.LockOSThread() // whose children are born where is a property of the thread
	defer runtime.UnlockOSThread()
	home, err := linux.Open("/proc/thread-self/ns/pid", unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer home.Close()
	if err := linux.Setns(target, unix.CLONE_NEWPID); err != nil {
		return err
	}
	i.extra = []*os.File{target}
	err = i.clone()
	return errors.Join(err, linux.Setns(home, unix.CLONE_NEWPID))
}

// join enters what setns(2) can enter. A thread that shares its root directory with
// others cannot change its mount namespace, and all threads of Go do.
func (g *guest) join() error {
	target := os.NewFile(pidfdFD, "the container's first process")
	defer target.Close()
	if err := linux.UnshareFS(); err != nil {
		return err
	}
	flags := 0
	for _, n := range g.Namespaces {
		if n.Type != specs.PIDNamespace && n.Type != specs.UserNamespace {
			flags |= cloneFlag(n.Type)
		}
	}
	if err := linux.Setns(target, flags); err != nil {
		return err
	}
	root, err := rootfs.Open("/")
	if err != nil {
		return err
	}
	g.root = root
	return g.useOwnNull()
}

// openOwnTerminal is openTerminal without a /dev/console: that one is the first
// program's.
func (g *guest) openOwnTerminal() error {
	master, err := g.newTerminal()
	if err != nil {
		return err
	}
	defer master.Close()
	return g.ch.send(&message{Terminal: true}, master)
}
