package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A checker runs the health check of a container again and again, in the process
// that is its monitor. It runs while the program does, and not while that is
// frozen: a check would be frozen, too.
type checker struct {
	check *HealthCheck
	job   job // has the container's filter, which the command gets, too

	over     bool // the program has ended; guarded by the monitor's mutex, as the next
	entering bool // a check is under way, and takes the status of its own children

	mu     sync.Mutex         // taken before the monitor's
	cancel context.CancelFunc // nil: no loop is under way
	ended  chan struct{}      // closed when it has ended
}

// beginChecks has the health looked after, if somebody wants that and the program
// runs.
func (m *Monitor) beginChecks() {
	c := m.checker
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	m.mu.Lock()
	live, running := m.live, m.state.Status == Running && !c.over
	m.mu.Unlock()
	if !running || c.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel, c.ended = cancel, make(chan struct{})
	go func(ended chan struct{}) {
		defer close(ended)
		m.checkOn(ctx, live)
	}(c.ended)
}

// endChecks returns when no check is under way any more, and none will be.
func (m *Monitor) endChecks() {
	c := m.checker
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancel == nil {
		return
	}
	c.cancel()
	<-c.ended
	c.cancel = nil
}

func (m *Monitor) setOver(over bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.checker.over = over
}

func (m *Monitor) setEntering(entering bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.checker.entering = entering
}

// checkOn is the loop.
func (m *Monitor) checkOn(ctx context.Context, live *Live) {
	timer := time.NewTimer(m.checker.check.interval())
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		m.setEntering(true)
		r := m.checkOnce(ctx, live)
		for try := 0; r.ExitCode == -1 && try < 20; try++ { // what was killed is not gone at once
			live.ReapStrays()
			<-time.After(time.Millisecond)
		}
		live.ReapStrays()
		m.setEntering(false)
		if ctx.Err() != nil {
			return // it was cut short, and tells nothing
		}
		m.mu.Lock()
		before := m.state.Health.Of()
		m.state.Health = m.state.Health.after(r, m.checker.check, m.state.Started)
		_ = m.become(m.state.Status) // the next one is written again
		if now := m.state.Health.Of(); now != before {
			m.report("health_status: " + string(now))
		}
		m.mu.Unlock()
		debug.FreeOSMemory() // else Go keeps 4 MiB of what the checks needed
		timer.Reset(m.checker.check.interval())
	}
}

// checkOnce runs the command in the container, as exec does, and ends all that is
// left of it: it has a control group of its own.
func (m *Monitor) checkOnce(ctx context.Context, live *Live) HealthResult {
	limit := m.checker.check.timeout()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r := HealthResult{Start: time.Now()}
	var out shortText
	code, err := m.runCheck(ctx, live, &out)
	r.End, r.ExitCode, r.Output = time.Now(), code, out.String()
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		r.ExitCode, r.Output = -1, fmt.Sprintf("Health check exceeded timeout (%v)", limit)
	case err != nil:
		r.ExitCode, r.Output = -1, err.Error()
	}
	return r
}

func (m *Monitor) runCheck(ctx context.Context, live *Live, out *shortText) (code int, err error) {
	all := live.draft.all
	_, config, err := all.Definition(live.record.ID)
	if err != nil {
		return 0, err
	}
	process, j := *config.Process, m.checker.job
	process.Args, process.Terminal = m.checker.check.Argv(), false
	e, err := all.enter(ctx, Container{Record: live.record, State: live.state}, config.Linux.Namespaces, ExecOptions{
		Process: &process, Filter: j.Filter, OwnFilter: j.OwnFilter, Unconfined: j.Unconfined, apart: "health",
	})
	if err != nil {
		return 0, err
	}
	stop := context.AfterFunc(ctx, func() { _ = e.Signal(unix.SIGKILL) }) // Wait ends its children
	defer stop()
	drain := e.Connect(nil, out, out)
	status, err := e.Wait()
	return status.Code, errors.Join(err, drain())
}
