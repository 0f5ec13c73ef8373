package lifecycle

import (
	"context"
	"runtime/debug"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/sandbox"
)

// A reviver starts a container's program again when it has ended, as long as
// nobody stops it. The container stays the same, with its upper directory, its log
// and its lock; the namespaces and the control group are new.
type reviver struct {
	job    job
	pauses backoff

	stopped context.Context //nolint:containedctx // it is the wish of a user, who comes by the socket
	stop    context.CancelFunc
}

func newReviver(j job) *reviver {
	r := &reviver{job: j}
	r.stopped, r.stop = context.WithCancel(context.Background())
	return r
}

// wantsEnd reports whether a signal is a wish that the container ends, and stays
// so. Docker takes more for one, and loses restart policies to a SIGHUP that was
// to have a configuration read again.
func (m *Monitor) wantsEnd(sig unix.Signal) bool {
	own := m.now().record.StopSignal
	number, _ := strconv.Atoi(own)
	return sig == unix.SIGKILL || sig == unix.SIGINT || own == unix.SignalName(sig) || number == int(sig) || own == "" && sig == unix.SIGTERM
}

// stopRestarts has the program not started again. That is on disk before anything
// else happens, and a wait for the next start is over at once.
func (m *Monitor) stopRestarts() error {
	if m.reviver == nil {
		return nil
	}
	m.reviver.stop()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended || m.state.Stopped {
		return nil
	}
	m.state.Stopped = true
	if !m.live.record.Restart.Any() {
		return nil // the last state will say so
	}
	return m.become(m.state.Status)
}

// restart starts the program again, if the policy says so, and reports whether it
// runs. If not, the container ends with the status that is returned.
func (m *Monitor) restart(ended sandbox.Status) (_ sandbox.Status, again bool) {
	pause, again := m.pauseBefore(ended)
	if !again {
		return ended, false
	}
	select {
	case <-time.After(pause):
	case <-m.reviver.stopped.Done():
		return ended, false
	}
	m.mu.Lock() // whoever asks for something meanwhile finds the new program
	defer m.mu.Unlock()
	live, err := m.reviver.job.restart(m.reviver.stopped, m.live.draft.lock, m.state)
	if m.reviver.stopped.Err() != nil && err != nil {
		return ended, false
	}
	if err != nil {
		m.state.Error = err.Error()
		return sandbox.Status{Code: exitCode(err)}, false
	}
	m.live, m.state = live, live.state
	if live.draft.all.owes(live.record.ID) {
		m.writeLater()
	}
	m.troubles.restart()
	m.hearProgram()
	debug.FreeOSMemory() // as after a health check
	return ended, true
}

// pauseBefore decides whether the program is started again, and has the container
// wait for that. The record is read again: somebody may have changed the policy.
func (m *Monitor) pauseBefore(ended sandbox.Status) (pause time.Duration, again bool) {
	if m.reviver == nil {
		return 0, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r, err := m.live.draft.all.getRecord(m.live.record.ID)
	if err != nil || m.reviver.stopped.Err() != nil || !r.Restart.again(ended.Code, m.state.RestartCount) {
		return 0, false
	}
	s := &m.state
	s.Pid, s.ExitCode, s.OOMKilled, s.Finished, s.Health = 0, ended.Code, ended.OOMKilled, time.Now().UTC(), s.Health.ended()
	s.RestartCount++
	_ = m.become(Restarting) // a disk that takes nothing does not keep it down
	m.report("die", "exitCode", strconv.Itoa(ended.Code))
	m.tellEnd(ended.Code, nil)
	m.ending = &ending{done: make(chan struct{})}
	clear(m.clients)
	return m.reviver.pauses.next(s.Finished.Sub(s.Started)), true
}
