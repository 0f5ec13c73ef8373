package lifecycle

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/atomicfile"
	"github.com/learnbox/learnbox/internal/linux"
	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/sandbox"
	"github.com/learnbox/learnbox/sandbox/tty"
)

// MonitorName is the argv[0] of a monitor's process. It is the same program as
// the init, which is small.
const MonitorName = "learnbox-monitor"

// A monitor inherits two files: its end of a socket, on which it hears its job
// and says how that began, and the container's lock, which is held as long as one
// of the two processes has it open.
const (
	jobFD  = 3
	lockFD = 4
)

// A job is what a monitor is told. All else it reads from the container's files.
type job struct {
	Data, Run, Bin        string // those of Containers
	ID                    string
	Filter                sandbox.Filter
	Unconfined            bool
	OwnFilter             bool
	Size                  tty.Size
	Tells, Attends, Gated bool // whether the steps are told of, and as in narrate.Narrator
}

// A beginning is what a monitor answers at last.
type beginning struct {
	Pid      int
	Warnings []string
	Step     string // that failed, with Text; the others are those of a sandbox.StepError
	Text     string
	Way      string
	Code     int
}

// StartDetached starts the program of a container that is at rest, with a process
// of its own to watch over it, and returns its warnings when the program runs.
//
// Errors: ErrRunning, *sandbox.StepError.
func (c *Containers) StartDetached(id string, o StartOptions) (warnings []string, err error) {
	lock, err := c.idle(id)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lock.Release()) }() // the monitor has it open, too
	filter, err := o.Filter()
	if err != nil {
		return nil, errors.Join(err, c.unlist(id))
	}
	j := job{
		Data: c.data, Run: c.run, Bin: c.bin, ID: id,
		Filter: filter, Unconfined: o.Unconfined, OwnFilter: o.OwnFilter, Size: o.Size,
	}
	m := employer{narrate: o.Narrate}
	err = o.Narrate.Run(MonitorStep(), func() (err error) {
		if m.socket, m.pid, err = c.spawn(id, lock); err != nil {
			return errors.Join(err, c.unlist(id))
		}
		return m.give(j)
	}, func(e *narrate.Event) { e.Monitor = m.pid })
	if m.socket != nil {
		defer m.socket.Close()
	}
	if err != nil {
		return nil, err
	}
	b, err := m.listen()
	if err != nil {
		return nil, err
	}
	if b.Text != "" {
		return b.Warnings, &sandbox.StepError{Step: b.Step, Text: b.Text, Way: b.Way, Code: b.Code}
	}
	return b.Warnings, nil
}

// spawn starts a monitor and returns our end of its socket, and its PID.
func (c *Containers) spawn(id string, lock *atomicfile.Lock) (socket *os.File, pid int, err error) {
	program, err := sandbox.OpenProgram(c.bin, c.file(id, "merged"))
	if err != nil {
		return nil, 0, err
	}
	defer program.Close()
	null, err := linux.Open(os.DevNull, unix.O_RDWR)
	if err != nil {
		return nil, 0, err
	}
	defer null.Close()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err := linux.Failed(err, "socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0)"); err != nil {
		return nil, 0, err
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "socket to the monitor"), os.NewFile(uintptr(fds[1]), "socket to the command")
	defer theirs.Close()
	pid, err = linux.StartProgram(linux.Program{
		File: program, Argv: []string{MonitorName}, Env: []string{},
		Files: []*os.File{null, null, null, theirs, lock.File()},
	})
	if err != nil {
		return nil, 0, errors.Join(err, ours.Close())
	}
	return ours, pid, nil
}

// RunMonitor is all that a monitor's process does. It returns when its container
// is at rest. Its caller has locked the goroutine to the leader thread, which must
// live as long as the init: see linux.DieWithParent.
func RunMonitor() int {
	// No terminal is ours. Signals are received and forgotten; ignored ones would be
	// ignored in the container, too (execve(2)).
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP, unix.SIGINT, unix.SIGPIPE)
	_ = linux.SetName(MonitorName) // it was executed by a descriptor
	_, _ = unix.Setsid()           // it is no group leader, so this cannot fail
	unix.CloseOnExec(jobFD)
	unix.CloseOnExec(lockFD)
	unix.Umask(0o022)
	socket := os.NewFile(jobFD, "socket to the command")
	live, err := takeJob(socket)
	b := beginning{Code: 125}
	if err != nil {
		b.Step, b.Text = "monitor.start", err.Error()
		if step, ok := errors.AsType[*sandbox.StepError](err); ok {
			b.Step, b.Text, b.Way, b.Code = step.Step, step.Text, step.Way, step.Code
		}
	} else {
		b.Pid, b.Warnings = live.Pid, live.Warnings
	}
	_ = json.NewEncoder(socket).Encode(word{Begun: &b}) // the command may have been killed; the container runs all the same
	socket.Close()
	if err != nil {
		return 1
	}
	m := live.Oversee(nil, nil, nil)
	go m.troubles.watch(m)
	_, _ = m.Wait() // the state file tells
	return 0
}

// takeJob reads the job and starts the container.
func takeJob(socket *os.File) (*Live, error) {
	in := bufio.NewReader(socket)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("wait for the job: %w", err)
	}
	var j job
	if err := json.Unmarshal(line, &j); err != nil {
		return nil, fmt.Errorf("read the job: %w", err)
	}
	c := &Containers{data: j.Data, run: j.Run, bin: j.Bin}
	r, spec, err := c.Definition(j.ID)
	if err != nil {
		return nil, err
	}
	d := &Draft{ID: j.ID, Name: r.Name, Dir: c.dir(j.ID), Cgroup: strings.TrimPrefix(spec.Linux.CgroupsPath, "/"), all: c, saved: true, again: true, volumes: r.Volumes, lock: atomicfile.Inherit(os.NewFile(lockFD, "lock"))}
	ctx := context.Background()
	err = d.Clone(ctx, CloneOptions{Terminal: spec.Process.Terminal, Stdin: r.OpenStdin, HostPIDs: !hasPIDs(spec), Narrate: j.narrator(socket, in)})
	if err != nil {
		return nil, errors.Join(err, d.giveUp(r, err))
	}
	return d.Start(ctx, r, spec, StartOptions{
		Filter: func() (sandbox.Filter, error) { return j.Filter, nil },
		Size:   j.Size, Unconfined: j.Unconfined, OwnFilter: j.OwnFilter,
	})
}

func hasPIDs(spec *specs.Spec) bool {
	for _, n := range spec.Linux.Namespaces {
		if n.Type == specs.PIDNamespace {
			return true
		}
	}
	return false
}
