package lifecycle

import (
	"strconv"
	"sync"
	"time"

	"github.com/learnbox/learnbox/sandbox/cgroup"
)

// Troubles are what the limits of a container have brought about, as far as it was told:
// the events oom, pids and throttle. The kernel counts; whoever comes by tells what has
// grown since. A monitor's process is woken by the kernel for the first two. For
// processor time there is no such call, so it is looked at whenever somebody wants
// something of the monitor, and at the end. A monitor without a process of its own has only that.
type troubles struct {
	changed chan struct{} // the limits were; of one
	mu      sync.Mutex
	told    cgroup.Count
}

// tell tells what has grown.
func (t *troubles) tell(m *Monitor, now cgroup.Count) {
	t.mu.Lock()
	defer t.mu.Unlock()
	oom, pids, throttled := now.Grew(t.told)
	if oom {
		m.report("oom")
	}
	if pids {
		m.report("pids", "refused", strconv.FormatInt(now.ForksRefused, 10))
	}
	if throttled {
		m.report("throttle", "nr_periods", strconv.FormatInt(now.Periods, 10), "nr_throttled", strconv.FormatInt(now.Throttled, 10))
	}
	if oom || pids || throttled {
		t.told = now
	}
	t.told.Stands = now.Stands // it may have gone on
}

// watch waits for troubles until the container is at rest, and once more with other limits
// when these were changed.
func (t *troubles) watch(m *Monitor) {
	for again := true; again; {
		var grown <-chan struct{} // nil: no limit of the kind, and nothing comes
		stop := func() {}
		if r := m.now().Reach(); r.Memory || r.Pids {
			if woken, end, err := m.now().Watch(); err == nil { // else they are told at the end
				grown, stop = woken, end
			}
			t.tell(m, m.now().Count()) // what happened before it was watched
		}
		again = t.listen(m, grown)
		stop()
	}
}

// listen reports whether the limits were changed. A fork bomb is refused thousands of
// times a second, and version 1 wakes before it counts: so what comes within a moment
// is told at once, and the next telling waits for a while.
func (t *troubles) listen(m *Monitor, grown <-chan struct{}) (changed bool) {
	const moment, while = 100 * time.Millisecond, time.Second
	for {
		select {
		case <-m.rest:
			return false
		case <-t.changed:
			return true
		case <-grown:
		}
		for _, pause := range []time.Duration{moment, while} {
			select {
			case <-m.rest:
				return false
			case <-time.After(pause):
				t.tell(m, m.now().Count())
			}
		}
	}
}

// restart says that the program is another one, in a group that has counted nothing yet.
func (t *troubles) restart() {
	t.mu.Lock()
	t.told = cgroup.Count{}
	t.mu.Unlock()
	t.change()
}

// change says that the limits were changed.
func (t *troubles) change() {
	select {
	case t.changed <- struct{}{}:
	default: // nobody has looked since the change before
	}
}
