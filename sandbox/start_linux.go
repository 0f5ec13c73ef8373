package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
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
	return &Process{Pid: i.pid, Terminal: i.terminal, Warnings: i.warnings, group: i.group, ownPids: !i.HostPIDs}, nil
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

func (i *Init) limitCgroup() error {
	warnings, err := i.group.Limit(i.Spec.Linux.Resources)
	i.warnings = append(i.warnings, warnings...)
	return err
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
		case m.Born != 0:
			i.born, i.keeps = m.Born, m.Keeps
		case m.Event != nil:
			if err := i.hearEvent(*m.Event); err != nil {
				return err
			}
		}
		exec = exec || m.Exec
	}
	if !exec || i.enters && i.born == 0 {
		return &StepError{Step: "init.clone", Text: "the init ended before the program could start", Code: 125}
	}
	if i.enters {
		if err := i.handOver(); err != nil {
			return err
		}
	}
	return i.hearSilence()
}
