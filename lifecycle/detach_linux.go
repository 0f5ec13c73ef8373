package lifecycle

import (
	"errors"
	"net"
	"os"

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
	if err = errors.Join(err, ours.Close()); err != nil {
		return nil, nil, errors.Join(err, theirs.Close())
	}
	a := newConnection(conn)
	a.Owner = true
	if err := send(conn, request{Do: doAttach, Stdin: stdin, Owner: true}); err != nil {
		return nil, nil, errors.Join(err, a.Close(), theirs.Close())
	}
	return a, theirs, nil
}

// begin hears that the monitor has looked.
func (a *Attachment) begin(pid int) error {
	in, answer, err := hear(a.conn)
	a.TTY, a.Pid, a.in = answer.TTY, pid, in
	return goneIf(err)
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
	if err := linux.HugePages(false); err != nil { // for the monitor, which stays
		return nil, 0, errors.Join(err, ours.Close())
	}
	argv := []string{MonitorName}
	if attached != nil {
		files, argv = append(files, attached), append(argv, "attached")
	}
	pid, err = linux.StartProgram(linux.Program{File: program, Argv: argv, Env: []string{}, Files: files})
	if err != nil {
		return nil, 0, errors.Join(err, ours.Close())
	}
	return ours, pid, nil
}
