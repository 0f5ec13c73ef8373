package lifecycle

import (
	"errors"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/sandbox/tty"
)

// This file is what a Monitor does when somebody asks for it.

// Stop asks the program to end, and kills it if it has not after timeout; a
// negative one waits for ever. It is not started again.
func (m *Monitor) Stop(sig unix.Signal, timeout time.Duration) (err error) {
	defer func() {
		if err == nil {
			m.report("stop")
		}
	}()
	if err := m.stopRestarts(); err != nil {
		return err
	}
	if err := m.signal(sig); err != nil {
		return err
	}
	if err := m.resumeIfPaused(); err != nil {
		return err
	}
	var late <-chan time.Time
	if timeout >= 0 {
		late = time.After(timeout)
	}
	select {
	case <-m.rest:
		return nil
	case <-late:
	}
	if err := m.signal(unix.SIGKILL); err != nil {
		return err
	}
	<-m.rest
	return nil
}

// Kill sends a signal to the first process. One that has ended feels none. After
// a signal that is to end the program it is not started again.
func (m *Monitor) Kill(sig unix.Signal) error {
	if m.wantsEnd(sig) {
		if err := m.stopRestarts(); err != nil {
			return err
		}
	}
	return m.signal(sig)
}

func (m *Monitor) signal(sig unix.Signal) error {
	err := m.now().Signal(sig)
	if err == nil {
		m.report("kill", "signal", strconv.Itoa(int(sig)))
	}
	if err == nil && sig == unix.SIGKILL {
		err = m.resumeIfPaused() // a frozen process cannot die
	}
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// now is the program that runs, or ran last.
func (m *Monitor) now() *Live {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.live
}

// Pause freezes the container, Resume lets it go on. The state is written when
// it has happened, and before it is reported.
func (m *Monitor) Pause() error {
	m.endChecks()
	defer m.beginChecks() // if it could not be frozen
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.state.Status.Refuses(ToPause); err != nil {
		return err
	}
	if err := m.live.Pause(); err != nil {
		if errors.Is(m.live.Signal(0), os.ErrProcessDone) { // its group is just being removed
			err = ErrNotRunning
		}
		return err
	}
	err := m.changed(Paused, "pause")
	if err != nil {
		m.state.Status = Running
		err = errors.Join(err, m.live.Resume())
	}
	return err
}

// Resume undoes Pause.
func (m *Monitor) Resume() error {
	defer m.beginChecks()
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.state.Status.Refuses(ToResume); err != nil {
		return err
	}
	if err := m.live.Resume(); err != nil {
		return err
	}
	return m.changed(Running, "unpause")
}

// changed is become, which is told.
func (m *Monitor) changed(s Status, action string) error {
	err := m.become(s)
	if err == nil {
		m.report(action)
	}
	return err
}

func (m *Monitor) resumeIfPaused() error {
	m.mu.Lock()
	paused := m.state.Status == Paused
	m.mu.Unlock()
	if !paused {
		return nil
	}
	return m.Resume()
}

func (m *Monitor) become(s Status) error {
	m.state.Status = s
	err := m.live.draft.all.setState(m.live.record, m.state)
	if err != nil {
		m.writeLater()
	}
	return err
}

// writeLater tries again to write a state that could not be written, until that can be done or
// the container is at rest. mu is held.
func (m *Monitor) writeLater() {
	if m.owing {
		return
	}
	m.owing = true
	go func() {
		for owing := true; owing; {
			select {
			case <-m.rest:
				return
			case <-time.After(time.Second):
			}
			m.mu.Lock()
			if !m.ended { // else the last state is written, or nobody's
				m.owing = m.live.draft.all.setState(m.live.record, m.state) != nil
			}
			owing = m.owing
			m.mu.Unlock()
		}
	}()
}

// resize tells the terminal its size, and the next one, too.
func (m *Monitor) resize(size tty.Size) error {
	if m.reviver != nil {
		m.mu.Lock()
		m.reviver.job.Size = size
		m.mu.Unlock()
	}
	return m.now().Resize(size)
}
