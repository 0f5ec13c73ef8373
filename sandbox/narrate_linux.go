package sandbox

import (
	"errors"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/learnbox/learnbox/internal/linux"
	"github.com/learnbox/learnbox/narrate"
)

// This file is how the two sides tell of the steps they take. The parent tells
// its narrator at once. The init sends its events to the parent; if the
// narrator attends, it stands still after each until it hears an order.

// An order is what the parent tells the init after the plan: the filter, or,
// without one, the word to go on after an event.
type order struct{ Filter *Filter }

// TraceCalls collects this process's system calls for who attends, until stop is called.
func TraceCalls(n *narrate.Narrator, to *[]narrate.Call) (stop func()) {
	if !n.Attends() {
		return func() {}
	}
	return traceCalls(to)
}

// traceCalls collects this process's system calls until stop is called. Calls
// that differ only in their arguments and follow one another count as one; one that was
// shown before it was made, and has come back with an error, is shown once.
func traceCalls(to *[]narrate.Call) (stop func()) {
	var mu sync.Mutex
	return linux.Trace(func(c linux.Call) {
		mu.Lock()
		defer mu.Unlock()
		last := len(*to) - 1
		if last >= 0 && repeats((*to)[last], c) {
			(*to)[last].Repeat++
			return
		}
		if last >= 0 && (*to)[last].Result == "" {
			*to = (*to)[:last]
		}
		*to = append(*to, narrate.Call{Call: c.Call, Result: c.Result, At: linux.Caller()})
	})
}

// repeats reports whether a call repeats the one before it, with other
// arguments that nobody wants to read.
func repeats(a narrate.Call, b linux.Call) bool {
	switch name, _, _ := strings.Cut(a.Call, "("); name {
	case "fstat":
		return a.Result == b.Result && strings.HasPrefix(b.Call, "fstat(")
	case "prctl": // the same operation
		return a.Result == b.Result && first(a.Call) == first(b.Call)
	case "write", "rmdir": // of the same name
		return a.Result == b.Result && strings.HasPrefix(b.Call, name+"(") && path.Base(first(a.Call)) == path.Base(first(b.Call))
	}
	return false
}

// first is a call up to its first argument.
func first(call string) string {
	upTo, _, _ := strings.Cut(call, ", ")
	return upTo
}

// take takes one step and tells the parent of it, if it listens.
func (g *guest) take(s step[*guest]) error {
	if !g.Narrate {
		return s.do(g)
	}
	g.calls = nil
	n := narrate.Narrator{Hear: g.tell}
	return n.Run(s.Step, func() error {
		if g.Attend {
			defer traceCalls(&g.calls)()
		}
		return s.do(g)
	}, func(e *narrate.Event) { e.Calls = g.calls })
}

// tell sends an event and, if the parent attends, waits for its order. A failed
// step ends the init, so nobody answers to that. That a step begins is no news to a
// parent that attends, unless it may hold the step up.
func (g *guest) tell(e narrate.Event) error {
	first := !g.begun
	g.begun = true
	known := e.Phase == narrate.Begin && g.Attend && !g.Gated && !first
	if !g.Narrate /* since the step began: see loadFilter */ || known {
		return nil
	}
	m := message{Event: &eventMessage{e.Step.ID, e.Phase, e.Took, e.Calls}}
	if err := g.ch.send(&m, nil); err != nil || !g.Attend || e.Phase == narrate.Fail {
		return nil //nolint:nilerr // a parent that left is noticed by the death signal
	}
	return g.hear()
}

// hear waits for the word to go on. The filter may come before it.
func (g *guest) hear() error {
	for {
		var o order
		if _, err := g.ch.receive(&o); err != nil {
			return err
		}
		if o.Filter == nil {
			return nil
		}
		g.filter = o.Filter
	}
}

// wait waits for the filter.
func (g *guest) wait() error {
	for g.filter == nil {
		var o order
		if _, err := g.ch.receive(&o); err != nil {
			return err
		}
		g.filter = o.Filter
	}
	if len(g.filter.Program) == 0 && !g.Unconfined {
		return errors.New("the parent sent no seccomp filter")
	}
	return nil
}

// childTable are the steps of the process that the parent cloned.
func (i *Init) childTable() []step[*guest] {
	switch {
	case i.table != nil: // each event asks
	case i.enters:
		i.table = joinSteps()
	default:
		i.table = initSteps()
	}
	return i.table
}

// hearEvent passes an event of the init on, with the texts of the table, and
// lets the init go on.
func (i *Init) hearEvent(m eventMessage) error {
	rows := i.childTable()
	row := slices.IndexFunc(rows, func(s step[*guest]) bool { return s.ID == m.Step })
	if row < 0 {
		return nil
	}
	e := narrate.Event{Step: rows[row].Step, Phase: m.Phase, Pid: i.pid, Far: true, Took: m.Took, Calls: m.Calls}
	first := i.told.Step.ID == ""
	i.told = e
	if m.Phase == narrate.Fail {
		return nil // hearFailure tells why
	}
	if err := i.Narrate.Hear(e); err != nil {
		return err
	}
	i.toldAt = time.Now()
	if i.Narrate.Attend && (m.Phase == narrate.Done || i.Narrate.Gated || first) {
		return i.ch.send(&order{}, nil)
	}
	return nil
}

// hearFailure tells of the step that the init failed at.
func (i *Init) hearFailure(failure *StepError) error {
	if i.Narrate == nil {
		return failure
	}
	e := i.told
	if e.Step.ID != failure.Step { // it could not tell
		e = narrate.Event{Pid: i.pid}
		for _, s := range i.childTable() {
			if s.ID == failure.Step {
				e.Step = s.Step
			}
		}
	}
	e.Phase, e.Err = narrate.Fail, failure
	_ = i.Narrate.Hear(e) // the run ends anyway
	return failure
}

// hearSilence tells of the steps that the init could not tell of: the last one,
// with which it became the program, and those behind a filter of the user's.
func (i *Init) hearSilence() error {
	if i.Narrate == nil {
		return nil
	}
	rows, p := i.childTable(), i.plan()
	from := slices.IndexFunc(rows, func(s step[*guest]) bool { return s.ID == i.told.Step.ID })
	from = max(from, 0)
	if i.told.Phase == narrate.Done {
		from++
	}
	silent := slices.DeleteFunc(slices.Clone(rows[from:]), func(s step[*guest]) bool { return s.needed != nil && !s.needed(p) })
	for _, s := range silent {
		took := time.Duration(0) // of each of several nobody knows
		if len(silent) == 1 {
			took = time.Since(i.toldAt)
		}
		e := narrate.Event{Step: s.Step, Phase: narrate.Done, Pid: i.pid, Took: took}
		if s.ID == "process.exec" {
			e.Calls = made(i.calls)
		}
		if err := i.Narrate.Hear(e); err != nil {
			return err
		}
	}
	return nil
}

// made are the calls that ended with an execve, of which only the silence afterwards
// says how it went.
func made(calls []narrate.Call) []narrate.Call {
	if last := len(calls) - 1; last >= 0 && calls[last].Result == "" {
		calls[last].Result = "ok"
	}
	return calls
}
