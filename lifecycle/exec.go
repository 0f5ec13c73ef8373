package lifecycle

import (
	"context"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/internal/linux"
	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/sandbox"
	"github.com/learnbox/learnbox/sandbox/tty"
)

// ExecOptions say what is to run in a container besides.
type ExecOptions struct {
	Process    *specs.Process
	Filter     sandbox.Filter
	Unconfined bool
	OwnFilter  bool
	Size       tty.Size
	Stdin      bool // keep standard input open
	Detach     bool // it outlives the caller, and its output is nobody's
	Narrate    *narrate.Narrator

	apart string // see sandbox.EnterOptions
}

// An Exec is a program that was let into a container. Wait of its Process must be
// called, unless it is detached.
type Exec struct {
	*sandbox.Process
	streams *streams
	report  func(action string, attributes ...string)
}

// Wait waits for the program's end.
func (e *Exec) Wait() (sandbox.Status, error) {
	status, err := e.Process.Wait()
	e.report("exec_die", "exitCode", strconv.Itoa(status.Code))
	return status, err
}

// Exec starts a program in a running container.
//
// Errors: ErrNotRunning, *sandbox.StepError.
func (c *Containers) Exec(ctx context.Context, ct Container, o ExecOptions) (*Exec, error) {
	if ct.State.Status != Running {
		return nil, ErrNotRunning
	}
	_, config, err := c.Definition(ct.ID)
	if err != nil {
		return nil, err
	}
	return c.enter(ctx, ct, config.Linux.Namespaces, o)
}

func (c *Containers) enter(ctx context.Context, ct Container, namespaces []specs.LinuxNamespace, o ExecOptions) (_ *Exec, err error) {
	s := &streams{}
	if !o.Detach {
		if s, err = newStreams(o.Process.Terminal, o.Stdin); err != nil {
			return nil, err
		}
	}
	report := c.execReporter(ct.Record)
	command := ": " + strings.Join(o.Process.Args, " ")
	report("exec_create" + command)
	p, err := sandbox.Enter(ctx, sandbox.EnterOptions{
		CloneOptions: sandbox.CloneOptions{
			Cgroup: c.Cgroup(ct.ID), Programs: c.bin, Empty: c.file(ct.ID, "merged"),
			Stdin: s.childIn, Stdout: s.childOut, Stderr: s.childErr, Narrate: o.Narrate,
		},
		Pid: ct.State.Pid, Process: o.Process, Namespaces: namespaces, Apart: o.apart,
		Size: o.Size, Filter: o.Filter, Unconfined: o.Unconfined, OwnFilter: o.OwnFilter, Stay: o.Detach,
	})
	s.closeChildEnds()
	if err != nil {
		s.close()
		if errors.Is(err, sandbox.ErrGone) {
			err = ErrNotRunning
		}
		return nil, err
	}
	report("exec_start" + command)
	return &Exec{p, s, report}, nil
}

// execReporter tells what happens to one program that enters a container, each time with
// the same ID. Of one that outlives its command nobody tells the end.
func (c *Containers) execReporter(r Record) func(action string, attributes ...string) {
	id := newID()
	return func(action string, attributes ...string) {
		c.Report(r, action, append(attributes, "execID", id)...)
	}
}

// grace is how long a program's output is waited for when it has ended and others
// still hold its pipes, as a daemon does that it started: Docker's.
const grace = 2 * time.Second

// Connect connects the program's streams with a client's and returns at once. A nil
// stdin is not read. The returned function is called when the program has ended, and
// waits until all that it wrote is written.
func (e *Exec) Connect(stdin io.Reader, stdout, stderr io.Writer) (drain func() error) {
	input := e.streams.in
	if e.Terminal != nil {
		input = e.Terminal
	}
	if stdin != nil && input != nil {
		go func() {
			_, _ = io.Copy(input, stdin) // a program that stops reading is no error
			if input != e.Terminal {
				input.Close()
			}
		}()
	}
	var sources []*os.File
	done := make(chan error, 3)
	for _, s := range []struct {
		from *os.File
		to   io.Writer
	}{{e.Terminal, stdout}, {e.streams.out, stdout}, {e.streams.err, stderr}} {
		if s.from != nil {
			sources = append(sources, s.from)
			go func() { done <- drainTo(s.to, s.from) }()
		}
	}
	return func() error {
		defer time.AfterFunc(grace, func() {
			for _, s := range sources {
				_ = s.SetReadDeadline(time.Now()) // it may be closed
			}
		}).Stop()
		var errs []error
		for range sources {
			errs = append(errs, <-done)
		}
		return errors.Join(errs...)
	}
}

// drainTo copies until the source ends, as Monitor.pump does, or until its deadline.
// Then it holds all that the program wrote, and no more of others is waited for.
func drainTo(to io.Writer, from *os.File) error {
	defer from.Close()
	_, err := io.Copy(to, from)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		if err = from.SetReadDeadline(time.Time{}); err == nil {
			_, err = io.CopyN(to, from, int64(linux.Readable(from)))
		}
	}
	if errors.Is(err, syscall.EIO) || errors.Is(err, syscall.EPIPE) || errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
