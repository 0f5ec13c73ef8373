package sandbox

import (
	"errors"
	"os"
	"sync"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/sandbox/cgroup"
	"github.com/learnbox/learnbox/sandbox/tty"
)

// A Process is a running container, as its parent holds it: a monitor, or the command.
type Process struct {
	Pid      int      // of the container's first process, in the parent's pid namespace
	Terminal *os.File // the pty master, or nil; whoever has the Process closes it
	Warnings []string // what was refused but is not fatal

	group   *cgroup.Group
	ownPids bool // it has a pid namespace of its own
	enters  bool // a container that is there already
	narrate *narrate.Narrator

	mu    sync.Mutex
	ended bool  // from then on the PID may be somebody else's
	reach Reach // the limits that it can reach
}

// Signal sends a signal to the container's first process. os.ErrProcessDone
// says that it has ended.
func (p *Process) Signal(sig unix.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return os.ErrProcessDone
	}
	return linux.Failed(unix.Kill(p.Pid, sig), "kill(%d, %s)", p.Pid, unix.SignalName(sig))
}

// Resize tells the container's terminal its new size.
func (p *Process) Resize(s tty.Size) error {
	if p.Terminal == nil {
		return nil
	}
	return tty.SetSize(p.Terminal, s)
}

// Pause stops all processes of the container where they are, with the freezer
// of its control group; Resume lets them go on.
func (p *Process) Pause() error { return p.group.Freeze(true) }

// Resume undoes Pause.
func (p *Process) Resume() error { return p.group.Freeze(false) }

// Update changes the container's limits and calls keep: all or nothing, see
// cgroup.Group.Update. os.ErrProcessDone says that the first process has ended.
func (p *Process) Update(r *specs.LinuxResources, keep func() error) (warnings []string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return nil, os.ErrProcessDone
	}
	warnings, err = p.group.Update(r, keep)
	if err == nil {
		now := reachOf(r)
		p.reach = Reach{p.reach.Memory || now.Memory, p.reach.Pids || now.Pids, p.reach.CPU || now.CPU}
	}
	return warnings, err
}

// Reach says which limits the container can reach.
func (p *Process) Reach() Reach {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reach
}

// Count is what limits have brought about so far. A container without any is not asked.
func (p *Process) Count() cgroup.Count {
	if p.Reach() == (Reach{}) {
		return cgroup.Count{}
	}
	return p.group.Count()
}

// Watch tells when it may have grown; see cgroup.Group.Watch.
func (p *Process) Watch() (grown <-chan struct{}, stop func(), err error) {
	r := p.Reach()
	return p.group.Watch(r.Memory, r.Pids)
}

// reachOf reads off a configuration which limits it sets.
func reachOf(r *specs.LinuxResources) Reach {
	if r == nil {
		return Reach{}
	}
	return Reach{
		Memory: r.Memory != nil && r.Memory.Limit != nil,
		Pids:   r.Pids != nil && r.Pids.Limit != nil && *r.Pids.Limit > 0,
		CPU:    r.CPU != nil && r.CPU.Quota != nil && *r.CPU.Quota > 0,
	}
}

// AwaitEnd returns when the first process has ended. Its group is there until Wait.
func (p *Process) AwaitEnd() error { return linux.AwaitExit(p.Pid) }

// ReapStrays is for whoever lets programs into a container, one after the other, and
// lives on. An enterer that is killed may have borne a process of which nobody
// has heard; it is our child, and until somebody takes its status the kernel does not
// let the container's PID 1 go (zap_pid_ns_processes). No other program of ours may be
// on its way in.
func (p *Process) ReapStrays() { linux.ReapOthers(p.Pid) }

// Wait waits for the first process, ends what it left behind, and removes the
// cgroup. The kernel ends a pid namespace with its PID 1, so the cgroup is
// empty; with --pid=host there is none and the cgroup says who is left.
func (p *Process) Wait() (status Status, err error) {
	err = linux.AwaitExit(p.Pid)
	began, calls := time.Now(), []narrate.Call(nil)
	stop := TraceCalls(p.narrate, &calls)
	defer func() {
		stop()
		status.Tidied, status.Calls = time.Since(began), calls
	}()
	p.mu.Lock()
	p.ended = true
	ws, reapErr := linux.Reap(p.Pid)
	p.mu.Unlock()
	err = errors.Join(err, reapErr)
	if p.group == nil { // its group is the container's, and stays
		return exitStatus(ws), err
	}
	if !p.ownPids || err != nil {
		err = errors.Join(err, p.group.Kill())
	}
	if !p.ownPids && !p.enters {
		linux.ReapOthers(0) // of whom this process may have become the parent
	}
	status = exitStatus(ws)
	status.Count = p.Count() // it goes with the group
	status.OOMKilled = status.Count.OOMKills > 0
	return status, errors.Join(err, p.group.Remove())
}

func exitStatus(ws unix.WaitStatus) Status {
	if ws.Signaled() {
		return Status{Code: 128 + int(ws.Signal()), Signal: ws.Signal()}
	}
	return Status{Code: ws.ExitStatus()}
}
