package lifecycle

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/atomicfile"
	"github.com/learnbox/learnbox/narrate"
)

// This file is how a command lends its draft to a monitor. The monitor is started as soon as
// the draft has a place, and makes the container's first process while the command finds
// out what is to run in it. When the monitor has written the container's files, it is a
// container and the monitor's. Until then it is the command's to discard; if that is killed
// the monitor lets go of it unless it has its orders, and Repair does the rest.

// CloneDetached is Clone by a monitor's process, which StartDetached then waits for. With
// attach the caller wants to see all that the program says, and to type into it with Stdin.
func (d *Draft) CloneDetached(ctx context.Context, o CloneOptions, attach bool) error {
	m := &employer{narrate: o.Narrate, saved: func() { _ = d.letGo() }}
	var theirs *os.File
	if attach {
		var err error
		if d.attachment, theirs, err = newAttachment(o.Stdin); err != nil {
			return err
		}
		defer theirs.Close()
	}
	d.monitor = m
	err := m.employ(d.all, d.lock, theirs, job{
		ID: d.ID, Lent: &lentDraft{Name: d.Name, Cgroup: d.Cgroup, Terminal: o.Terminal, Stdin: o.Stdin, HostPIDs: o.HostPIDs},
	})
	if err == nil && o.Narrate != nil {
		defer m.until(ctx)()
		err = m.listen(true)
	}
	return err
}

// StartDetached is Start by the monitor of CloneDetached. The attachment is nil if none was
// wanted. If it fails the container has ended with the code that the error carries, or nothing
// is left of it, as when ctx ends before the program runs.
//
// Errors: *sandbox.StepError.
func (d *Draft) StartDetached(ctx context.Context, r Record, spec *specs.Spec, o StartOptions) (_ *Attachment, warnings []string, err error) {
	filter, err := o.Filter()
	if err != nil {
		return nil, nil, errors.Join(err, d.Discard())
	}
	m, all := d.monitor, o.orders(filter)
	all.Record, all.Spec = &r, spec
	_ = m.say(all) // one that was killed is noticed by listen
	defer m.until(ctx)()
	if err = m.listen(false); m.begun != nil {
		warnings = m.begun.Warnings
	}
	switch {
	case m.begun == nil: // it was killed, and the first process with it
		err = errors.Join(err, d.dismiss(), d.letGo())
		if endGroup(d.Cgroup) == nil { // else Repair does the rest
			err = errors.Join(err, d.all.settle(d.ID))
		}
		return nil, nil, errors.Join(err, d.lock.Release())
	case m.begun.Lent:
		return nil, warnings, errors.Join(err, d.Discard())
	}
	at := d.attachment
	d.attachment = nil
	if err == nil && at != nil {
		err = at.begin(m.begun.Pid)
	}
	if err != nil && at != nil {
		err, at = errors.Join(err, at.Close()), nil
	}
	return at, warnings, errors.Join(err, d.dismiss(), d.letGo(), d.lock.Release())
}

// dismiss ends the connection to the monitor, and waits until it has left the draft alone.
func (d *Draft) dismiss() (err error) {
	if d.attachment != nil {
		err = d.attachment.Close()
	}
	if d.monitor == nil || d.monitor.socket == nil {
		return err
	}
	m := d.monitor
	d.monitor, d.attachment = nil, nil
	if m.begun == nil {
		m.leave()
	}
	return errors.Join(err, m.socket.Close())
}

// leave lets the monitor know that nothing more will come, and waits for its end.
func (m *employer) leave() {
	_ = unix.Shutdown(int(m.socket.Fd()), unix.SHUT_WR) // it may have been killed
	_, _ = io.Copy(io.Discard, m.socket)                // what it still says is of no use
}

// startLent makes a container of a draft. What cannot become one by what the orders say, or
// because none come, is left to the command, which has more to clear away.
func (j *job) startLent(ctx context.Context, lock *atomicfile.Lock, in *bufio.Reader, say func(word), n *narrate.Narrator) (*Live, error) {
	c := j.containers()
	d := &Draft{
		ID: j.ID, Name: j.Lent.Name, Dir: c.dir(j.ID), Cgroup: j.Lent.Cgroup,
		all: c, lock: lock, owned: j.Attached,
		lent: func() { j.Lent.saved = true; say(word{Saved: true}) },
	}
	ctx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	err := d.Clone(ctx, CloneOptions{Terminal: j.Lent.Terminal, Stdin: j.Lent.Stdin, HostPIDs: j.Lent.HostPIDs, Narrate: n})
	if err != nil {
		return nil, err
	}
	if n != nil {
		say(word{Cloned: true})
	}
	if err := readLine(in, &j.orders); err != nil {
		d.abort()
		return nil, err
	}
	if !j.Attends { // else the narrator hears it
		go func() {
			if word, err := in.ReadByte(); err == nil && word == sayGiveUp { // who was killed is not missed
				giveUp()
			}
		}()
	}
	d.volumes = j.Record.Volumes
	return d.Start(ctx, *j.Record, j.Spec, j.options())
}

// readLine reads what a command says: a line of JSON.
func readLine(in *bufio.Reader, v any) error {
	line, err := in.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, v)
	}
	if err != nil {
		return fmt.Errorf("hear what is to be done: %w", err)
	}
	return nil
}
