package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
)

// Start has the init build the container and returns when its program runs. If
// it fails, or ctx ends first, nothing is left of it.
//
// Errors: *StepError.
func (i *Init) Start(ctx context.Context, c Config) (*Process, error) {
	i.Config = c
	if err := i.start(ctx); err != nil {
		i.Abort()
		return nil, cmp.Or(ctx.Err(), err)
	}
	i.ch.close()
	return &Process{
		Pid: i.pid, Terminal: i.terminal, Warnings: i.warnings,
		group: i.group, ownPids: !i.HostPIDs, reach: i.reach(), narrate: i.Narrate,
	}, nil
}

// reach is what the container can run into: its own limits, or maybe the limit of
// memory of a group above.
func (i *Init) reach() Reach {
	r := reachOf(i.Spec.Linux.Resources)
	r.Memory = r.Memory || i.group.BelowOthers()
	return r
}

func (i *Init) start(ctx context.Context) error {
	stop := context.AfterFunc(ctx, i.killInit) // then the socket closes
	defer stop()
	err := take(ctx, i, startSteps())
	if err == nil || errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) { // the init has ended, and has said why
		return cmp.Or(i.listen(), err)
	}
	return err
}

func (i *Init) killInit() {
	if i.pid != 0 {
		_ = unix.Kill(i.pid, unix.SIGKILL) // it may have ended
	}
}

func (i *Init) sendPlan() error { return i.ch.send(i.plan(), nil) }

// limitCgroup sets all limits but that of processes, which has a step of its own.
func (i *Init) limitCgroup() error {
	r := i.Spec.Linux.Resources
	if i.limitsPids() {
		all := *r
		all.Pids, r = nil, &all
	}
	return i.limit(r)
}

func (i *Init) limit(r *specs.LinuxResources) error {
	warnings, err := i.group.Limit(r)
	i.warnings = append(i.warnings, warnings...)
	return err
}

func (i *Init) limitsPids() bool {
	r := i.Spec.Linux.Resources
	return r != nil && r.Pids != nil && r.Pids.Limit != nil
}

// limitPids does the init's step limits.pids, when the init asks for it.
func (i *Init) limitPids() error {
	if err := i.limit(&specs.LinuxResources{Pids: i.Spec.Linux.Resources.Pids}); err != nil {
		return i.hearFailure(&StepError{Step: "limits.pids", Text: err.Error(), Code: 125, Way: hint("limits.pids", err), err: err})
	}
	return i.ch.send(&order{}, nil)
}

func (i *Init) save() (err error) {
	i.filter, err = i.Meanwhile(i.pid)
	return err
}

func (i *Init) release() error { return i.ch.send(&order{&i.filter}, nil) }

// listen hears the init out until its socket closes.
func (i *Init) listen() error {
	exec := false
	for {
		var m message
		passed, err := i.ch.receive(&m)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("listen to the init: %w", err)
		}
		switch {
		case m.Failure != nil:
			return i.hearFailure(m.Failure)
		case m.Warning != "":
			i.warnings = append(i.warnings, m.Warning)
		case m.Terminal:
			i.terminal = passed
		case m.PidsLimit:
			if err := i.limitPids(); err != nil {
				return err
			}
		case m.Born != 0:
			i.born, i.keeps = m.Born, m.Keeps
		case m.Event != nil:
			if err := i.hearEvent(*m.Event); err != nil {
				return err
			}
		}
		if m.Exec {
			exec, i.calls = true, m.Calls
		}
	}
	if !exec || i.enters && i.born == 0 {
		return i.diedEarly()
	}
	if i.enters {
		if err := i.handOver(); err != nil {
			return err
		}
	}
	return i.hearSilence()
}

// diedEarly is the error of an init that ended without a word.
func (i *Init) diedEarly() error {
	if !i.enters && i.reach().Memory && (i.group.OOMKills() > 0 || i.couldNotSay()) {
		return &StepError{
			Step: "cgroup.limit", Text: "the init ran out of memory before the program could start", Code: 125, Way: memoryHint,
		}
	}
	early := &StepError{Step: "init.clone", Text: "the init ended before the program could start", Code: 125}
	switch {
	case i.enters:
		early.Step, early.Way = "exec.start", enterHint
	case i.group.PidsLeft() < initThreads: // the runtime of Go ends a process that cannot have a thread
		early.Text, early.Way = "the init could have no more threads, and ended before the program could start", pidsHint
	case i.reach().Memory:
		early.Way = memoryHint // maybe nobody counts in the group, only above
	}
	return early
}

// couldNotSay reports whether the init's program could not be executed, and the
// reason did not come out: package syscall ends the process with 253 then, and
// has sent the errno through a pipe; but that takes a page of memory, too.
func (i *Init) couldNotSay() bool {
	i.killInit()
	ws, err := linux.Reap(i.pid)
	i.pid = 0
	return err == nil && ws.ExitStatus() == 253
}
