package stop

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/learnbox/learnbox/internal/linux"
)

// A Verdict is what a run is told that waits.
type Verdict string

// The verdicts.
const (
	Next     Verdict = "next"     // take this step, and stop before the one after it
	Continue Verdict = "continue" // go on to the next breakpoint
	Abort    Verdict = "abort"    // undo everything
)

const where = "where" // the question that is no verdict

type request struct {
	Do Verdict `json:"do"`
}

// A reply is what a gate answers. Place is where the run stands after what was
// asked for, nil if it does not stand any more; or, with Busy, where it was last
// seen.
type reply struct {
	Busy  bool   `json:"busy,omitempty"`
	Place *Place `json:"place,omitempty"`
}

// A Gate is where one run waits. Its methods may be called from any goroutine.
type Gate struct {
	listener net.Listener
	file     string
	verdicts chan Verdict

	mu      sync.Mutex
	place   Place // where the run last stood
	stands  bool  // and still does
	waiting []chan reply
	closed  bool
}

// Open makes the gate of this process below the directory dir.
func Open(dir string) (*Gate, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open a gate: %w", err)
	}
	// Only a gate that answers gets its name: one that does not is taken for a
	// dead one.
	file := filepath.Join(dir, strconv.Itoa(os.Getpid()))
	fresh := filepath.Join(dir, ".new-"+filepath.Base(file))
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a dead process with our PID
		return nil, fmt.Errorf("open a gate: %w", err)
	}
	l, err := linux.Listen(fresh)
	if err != nil {
		return nil, fmt.Errorf("open a gate: %w", err)
	}
	g := &Gate{listener: l, file: file, verdicts: make(chan Verdict)}
	if err := errors.Join(os.Chmod(fresh, 0o600), os.Rename(fresh, file)); err != nil {
		return nil, fmt.Errorf("open a gate: %w", errors.Join(err, l.Close(), os.Remove(fresh)))
	}
	go g.serve()
	return g, nil
}

// ErrKilled ends a run whose first process, or monitor, was killed while it stood still.
var ErrKilled = errors.New("the process that was being looked at has ended")

// Wait stands still at a place until somebody says go, by a socket or by a
// key, or until ctx ends, or the process that is looked at. keys may be nil.
func (g *Gate) Wait(ctx context.Context, place Place, keys <-chan Verdict) (Verdict, error) {
	g.arrive(place)
	var killed <-chan struct{} // nil: never
	if pid := cmp.Or(place.Pid, place.Monitor); pid != 0 {
		watch, done := context.WithCancel(ctx)
		defer done()
		killed = linux.Ended(watch, pid)
	}
	select {
	case <-killed:
		g.leave()
		return Abort, ErrKilled
	case v := <-g.verdicts:
		return v, nil
	case v := <-keys:
		g.leave()
		return v, nil
	case <-ctx.Done():
		g.leave()
		return Abort, context.Cause(ctx)
	}
}

// Close ends the gate. Those who wait for the run's next stop hear that there
// is none.
func (g *Gate) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil
	}
	g.closed, g.stands = true, false
	err := errors.Join(os.Remove(g.file), g.listener.Close()) // whoever hears of it finds the gate no more
	g.answer(reply{})
	return err
}

// arrive makes the place known, and tells those who wait for it.
func (g *Gate) arrive(p Place) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.place, g.stands = p, true
	g.answer(reply{Place: &p})
}

func (g *Gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stands = false
}

func (g *Gate) answer(r reply) {
	for _, w := range g.waiting {
		w <- r
	}
	g.waiting = nil
}

func (g *Gate) serve() {
	for {
		c, err := g.listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			var r request
			if json.NewDecoder(c).Decode(&r) == nil {
				_ = json.NewEncoder(c).Encode(g.do(r.Do)) // who asked may have left
			}
		}()
	}
}

// do answers one request: where the run stands, or, after a verdict, where it
// stands next.
func (g *Gate) do(v Verdict) reply {
	g.mu.Lock()
	place, stands := g.place, g.stands
	if v == where || !stands {
		defer g.mu.Unlock()
		return reply{Busy: !stands, Place: &place}
	}
	later := make(chan reply, 1)
	g.waiting, g.stands = append(g.waiting, later), false
	g.mu.Unlock()
	g.verdicts <- v
	return <-later
}
