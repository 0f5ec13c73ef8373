package explain

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/learnbox/learnbox/explain/stop"
	"github.com/learnbox/learnbox/explain/texts"
	"github.com/learnbox/learnbox/narrate"
)

// ErrAborted ends a run that the user gave up at a breakpoint.
var ErrAborted = errors.New("given up at a breakpoint")

// stopAt waits if there is a breakpoint. The Teller stays locked: nobody else
// has anything to tell meanwhile.
func (t *Teller) stopAt(at stop.Point) error {
	if t.gate == nil || !t.Points.At(at) {
		return nil
	}
	began := time.Now()
	defer func() { t.waited += time.Since(began) }()
	t.place.At = at
	if next := slices.Index(t.place.Next, at.Step); next > 0 && !at.After {
		t.place.Next = t.place.Next[next:] // this run has passed the others over
	}
	var keys <-chan stop.Verdict
	done := func() {}
	if t.Keys != nil {
		keys, done = t.Keys()
	}
	defer done()
	<-t.scribe.flushed()
	if t.BeforeStop != nil {
		t.BeforeStop()
	}
	t.announce(at, keys != nil)
	verdict, err := t.gate.Wait(t.ctx, t.place, keys)
	if err != nil {
		return err
	}
	t.watcher.Forget() // who stood there may have changed something
	t.Points.Every(verdict == stop.Next)
	if verdict == stop.Abort {
		return ErrAborted
	}
	return nil
}

// announce says where the run stands, what to look at, and how it goes on.
func (t *Teller) announce(at stop.Point, keys bool) {
	if t.Level == JSON {
		_ = narrate.Record{Type: narrate.TypeStop, Container: t.known.ID, ID: at.Step, Phase: phase(at), Pid: t.place.Pid}.Write(t.Out)
		return
	}
	fmt.Fprintf(t.Out, "\nstopped %s", at)
	if t.place.Pid != 0 {
		fmt.Fprintf(t.Out, "; the container's first process is %d\n", t.place.Pid)
	} else {
		fmt.Fprintf(t.Out, "; it has no process yet, learnbox itself is %d\n", t.place.Process)
	}
	for _, command := range t.worthTyping(at) {
		fmt.Fprintf(t.Out, "  look      %s\n", command)
	}
	if keys {
		fmt.Fprintln(t.Out, "  here      n: next step, c: continue, q: give up")
	}
	fmt.Fprintln(t.Out, "  elsewhere learnbox next, learnbox continue, learnbox where")
}

func phase(at stop.Point) narrate.Phase {
	if at.After {
		return narrate.Done
	}
	return narrate.Begin
}

// worthTyping are two or three commands that show the container as it stands.
func (t *Teller) worthTyping(at stop.Point) []string {
	var commands []string
	last := at.Step
	if !at.After && len(t.place.Done) > 0 {
		last = t.place.Done[len(t.place.Done)-1]
	}
	if text, ok := texts.ForStep(last); ok {
		commands = append(commands, t.variables().Expand(text.Look.Command))
	}
	pid := t.place.Pid
	if pid == 0 { // the namespaces and mounts that the container is going to leave
		pid = t.place.Process
	}
	return append(commands, fmt.Sprintf("ls -l /proc/%d/ns", pid), fmt.Sprintf("cat /proc/%d/mountinfo", pid))
}
