package lifecycle

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/atomicfile"
	"github.com/learnbox/learnbox/internal/linux"
	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/sandbox"
)

// MonitorName is the argv[0] of a monitor's process. It is the same program as
// the init, which is small.
const MonitorName = "learnbox-monitor"

// A monitor inherits its end of a socket, on which it hears its job and says how
// that began, and the container's lock, which is held as long as one of the two
// processes has it open; and, if its job says so, a connection of somebody who has
// asked to be attached.
const (
	jobFD    = 3
	lockFD   = 4
	attachFD = 5
)

// A beginning is what a monitor answers at last.
type beginning struct {
	Pid      int
	Warnings []string
	Lent     bool   // the draft is the command's again
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
	b, err := c.startDetached(id, o, nil)
	return b.Warnings, err
}

// StartAttached is StartDetached for somebody who wants to see all that the program
// says, and to type into it with stdin.
func (c *Containers) StartAttached(id string, o StartOptions, stdin bool) (_ *Attachment, warnings []string, err error) {
	at, theirs, err := newAttachment(stdin)
	if err != nil {
		return nil, nil, err
	}
	defer theirs.Close()
	b, err := c.startDetached(id, o, theirs)
	if err == nil {
		err = at.begin(b.Pid)
	}
	if err != nil {
		return nil, b.Warnings, errors.Join(err, at.Close())
	}
	return at, b.Warnings, nil
}

// newAttachment is for the owner of a program that is about to start. Its request stands in
// the socket until the monitor looks.
func newAttachment(stdin bool) (_ *Attachment, theirs *os.File, err error) {
	ours, theirs, err := linux.SocketPair()
	if err != nil {
		return nil, nil, err
	}
	conn, err := net.FileConn(ours)
	if err = errors.Join(err, ours.Close()); err == nil {
		err = send(conn, request{Do: doAttach, Stdin: stdin, Owner: true})
	}
	if err != nil {
		return nil, nil, errors.Join(err, theirs.Close())
	}
	return &Attachment{Owner: true, conn: conn}, theirs, nil
}

// begin hears that the monitor has looked.
func (a *Attachment) begin(pid int) error {
	in, answer, err := hear(a.conn)
	a.TTY, a.Pid, a.in = answer.TTY, pid, in
	return err
}

// startDetached hands the monitor a connection, unless that is nil.
func (c *Containers) startDetached(id string, o StartOptions, attached *os.File) (b beginning, err error) {
	lock, err := c.idle(id)
	if err != nil {
		return b, err
	}
	defer func() { err = errors.Join(err, lock.Release()) }() // the monitor has it open, too
	if err := c.statusOf(id).Refuses(ToStart); err != nil {
		return b, errors.Join(err, c.unlist(id))
	}
	filter, err := o.Filter()
	if err != nil {
		return b, errors.Join(err, c.unlist(id))
	}
	m := &employer{narrate: o.Narrate}
	err = m.employ(c, lock, attached, job{ID: id, orders: o.orders(filter)})
	if m.socket == nil {
		return b, errors.Join(err, c.unlist(id))
	}
	defer m.socket.Close()
	if err == nil {
		err = m.listen(false)
	} else {
		m.leave()
	}
	if m.begun != nil {
		b = *m.begun
	}
	return b, err
}

func (o StartOptions) orders(filter sandbox.Filter) orders {
	return orders{Filter: filter, Unconfined: o.Unconfined, OwnFilter: o.OwnFilter, Size: o.Size}
}

// employ starts a monitor and gives it its job.
func (m *employer) employ(c *Containers, lock *atomicfile.Lock, attached *os.File, j job) error {
	j.Data, j.Run, j.Attached = c.data, c.run, attached != nil
	return m.narrate.Run(MonitorStep(), func() (err error) {
		if m.socket, m.pid, err = c.spawn(j.ID, lock, attached); err != nil {
			return err
		}
		return m.give(j)
	}, func(e *narrate.Event) { e.Monitor = m.pid })
}

// spawn starts a monitor and returns our end of its socket, and its PID.
func (c *Containers) spawn(id string, lock *atomicfile.Lock, attached *os.File) (socket *os.File, pid int, err error) {
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
	ours, theirs, err := linux.SocketPair()
	if err != nil {
		return nil, 0, err
	}
	defer theirs.Close()
	files := []*os.File{null, null, null, theirs, lock.File()}
	if attached != nil {
		files = append(files, attached)
	}
	pid, err = linux.StartProgram(linux.Program{File: program, Argv: []string{MonitorName}, Env: []string{}, Files: files})
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
	// With --pid host the program's orphans are ours, and not the machine's.
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	unix.CloseOnExec(jobFD)
	unix.CloseOnExec(lockFD)
	unix.CloseOnExec(attachFD) // if there is one
	unix.Umask(0o022)
	socket := os.NewFile(jobFD, "socket to the command")
	in, out := bufio.NewReader(socket), json.NewEncoder(socket)
	say := func(w word) { _ = out.Encode(w) } // the command may have been killed; the container runs all the same
	j, live, err := takeJob(in, out, say)
	b := beginning{Code: 125}
	if err != nil {
		b.Lent = j.Lent != nil && !j.Lent.saved
		b.Step, b.Text = "monitor.start", err.Error()
		if step, ok := errors.AsType[*sandbox.StepError](err); ok {
			b.Step, b.Text, b.Way, b.Code = step.Step, step.Text, step.Way, step.Code
		}
	} else {
		b.Pid, b.Warnings = live.Pid, live.Warnings
	}
	say(word{Begun: &b})
	socket.Close()
	if err != nil {
		return 1
	}
	m := live.watch(j)
	go m.troubles.watch(m)
	go m.reapStrays()
	_, _ = m.Wait() // the state file tells
	return 0
}

// reapStrays takes the status of children that are not the program. Health checks have some
// of their own, and reap the others.
func (m *Monitor) reapStrays() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, unix.SIGCHLD)
	for range ended {
		m.mu.Lock() // a program that is started again is not taken for one
		if m.checker == nil {
			m.live.ReapStrays()
		}
		m.mu.Unlock()
	}
}

// watch is Oversee for a process that does nothing else: it can start the program
// again, and look after its health.
func (r *Live) watch(j job) *Monitor {
	m := r.monitor()
	m.reviver = newReviver(j)
	if r.record.Health.Argv() != nil {
		m.checker = &checker{check: r.record.Health, job: j}
	}
	if j.Attached {
		first := os.NewFile(attachFD, "connection of the command")
		conn, err := net.FileConn(first)
		first.Close()
		if err == nil {
			m.admit(conn)
		}
	}
	m.hearProgram()
	go m.listen()
	return m
}

// takeJob reads the job and starts the container.
func takeJob(in *bufio.Reader, out *json.Encoder, say func(word)) (j job, live *Live, err error) {
	if err := readLine(in, &j); err != nil {
		return j, nil, err
	}
	lock, n := atomicfile.Inherit(os.NewFile(lockFD, "lock")), j.narrator(out, in)
	if j.Lent != nil {
		live, err = j.startLent(context.Background(), lock, in, say, n)
	} else {
		live, err = j.start(context.Background(), lock, n)
	}
	return j, live, err
}
