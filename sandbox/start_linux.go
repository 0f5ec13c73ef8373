package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/sandbox/cgroup"
)

// A start is a container on its way to running, seen from the parent.
type start struct {
	Config
	group  *cgroup.Group
	pid    int // of the init; 0 before the clone
	ch     channel
	result *Process
}

// Start builds a container and returns when its program runs. If it fails, or
// ctx ends first, nothing is left of it.
//
// Errors: *StepError.
func Start(ctx context.Context, c Config) (_ *Process, err error) {
	s := &start{Config: c, result: &Process{}}
	defer func() {
		if err != nil {
			s.undo()
		}
	}()
	for _, row := range parentSteps() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := c.Narrate.Run(row.Step, func() error { return row.do(s) }); err != nil {
			return nil, &StepError{Step: row.ID, Text: err.Error(), Code: 125, Way: hint(row.ID, err)}
		}
	}
	defer s.ch.close()
	stop := context.AfterFunc(ctx, func() { _ = unix.Kill(s.pid, unix.SIGKILL) }) // then the socket closes
	defer stop()
	if err := s.finish(); err != nil {
		return nil, cmp.Or(ctx.Err(), err)
	}
	s.result.Pid, s.result.group = s.pid, s.group
	return s.result, nil
}

// finish lets the caller do its own work beside the init's, and hears the init
// out.
func (s *start) finish() error {
	if s.Meanwhile != nil {
		if err := s.Meanwhile(s.pid); err != nil {
			return err
		}
	}
	return s.listen()
}

// undo ends whatever was begun. The kernel takes the namespaces and mounts
// down with the last process in them.
func (s *start) undo() {
	if s.pid != 0 {
		_ = unix.Kill(s.pid, unix.SIGKILL)
		_, _ = linux.Reap(s.pid)
	}
	if s.group != nil {
		_ = errors.Join(s.group.Kill(), s.group.Remove()) // what still stands is found by the next command
	}
	if s.result.Terminal != nil {
		s.result.Terminal.Close()
	}
}

func (s *start) createCgroup() error {
	h, err := cgroup.Detect()
	if err != nil {
		return err
	}
	var warnings []string
	s.group, warnings, err = cgroup.Create(h, s.Cgroup, s.Spec.Linux.Resources)
	s.result.Warnings = append(s.result.Warnings, warnings...)
	return err
}

// cloneInit starts the init and gives it its plan once it is in the cgroup. A
// new pid namespace has to come with the clone; all others are the init's own
// steps.
func (s *start) cloneInit() error {
	self, err := openInit(s.Programs, s.Merged)
	if err != nil {
		return err
	}
	defer self.Close()
	ch, theirs, err := newChannel()
	if err != nil {
		return err
	}
	s.ch = ch
	defer theirs.close()
	if err := s.spawn(self, theirs); err != nil {
		return err
	}
	return ch.send(s.plan(), nil)
}

// spawn clones the init into its cgroup.
func (s *start) spawn(self *os.File, theirs channel) error {
	null, err := linux.Open(os.DevNull, unix.O_RDWR)
	if err != nil {
		return err
	}
	defer null.Close()
	p := linux.Program{File: self, Argv: []string{InitName}, Env: []string{}, Files: []*os.File{s.Stdin, s.Stdout, s.Stderr, theirs.f}}
	for i, f := range p.Files {
		if f == nil {
			p.Files[i] = null
		}
	}
	if s.result.ownPids = hasNamespace(s.Spec.Linux.Namespaces, specs.PIDNamespace); s.result.ownPids {
		p.Namespaces = unix.CLONE_NEWPID
	}
	if p.Cgroup, err = s.group.FD(); err != nil {
		return err
	}
	if p.Cgroup != nil {
		defer p.Cgroup.Close()
	}
	return s.group.Inside(func() error {
		s.pid, err = linux.StartProgram(p)
		return err
	})
}

// listen hears the init out until its socket closes.
func (s *start) listen() error {
	exec := false
	for {
		var m message
		passed, err := s.ch.receive(&m)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("listen to the init: %w", err)
		}
		switch {
		case m.Failure != nil:
			return m.Failure
		case m.Warning != "":
			s.result.Warnings = append(s.result.Warnings, m.Warning)
		case m.Terminal:
			s.result.Terminal = passed
		case m.Event != nil:
			s.tell(*m.Event)
		}
		exec = exec || m.Exec
	}
	if !exec {
		return &StepError{Step: "init.clone", Text: "the init ended before the program could start", Code: 125}
	}
	return nil
}

// tell passes an event of the init on, with the texts of the table.
func (s *start) tell(e eventMessage) {
	if s.Narrate == nil {
		return
	}
	for _, row := range initSteps() {
		if row.ID == e.Step {
			s.Narrate(narrate.Event{Step: row.Step, Phase: e.Phase, Took: e.Took})
		}
	}
}
