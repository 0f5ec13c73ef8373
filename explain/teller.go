package explain

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/learnbox/learnbox/explain/evidence"
	"github.com/learnbox/learnbox/explain/stop"
	"github.com/learnbox/learnbox/explain/texts"
	"github.com/learnbox/learnbox/narrate"
)

// Options are what a Teller is made of.
type Options struct {
	Level Level
	Out   io.Writer // where text goes, or JSON at that level
	Color bool
	File  io.Writer // nil, or where JSON goes besides

	Steps  []string // all ids, in the order of a run
	Hello  narrate.Record
	Points stop.Points
	Gate   string // the directory of gates, for Points

	// Keys are what the user types at a stop, as verdicts; nil without a
	// terminal. done gives the terminal back.
	Keys func() (keys <-chan stop.Verdict, done func())

	BeforeStop func() // called before Out is written to at a stop; may be nil

	Root, Run, Images string // absolute: learnbox's directories, and the image store
}

// A Teller tells of one run. Close must be called.
type Teller struct {
	Options
	ctx context.Context //nolint:containedctx // it ends a wait that the run's own context cannot reach

	mu      sync.Mutex
	text    narrate.Text
	journal io.WriteCloser
	early   []narrate.Record // told before there was a journal
	gate    *stop.Gate

	place   stop.Place
	subject evidence.Subject
	known   Known
	watch   map[string]evidence.Watch // of steps that have begun
	skipped map[string]bool
	n       int
	start   time.Time
	waited  time.Duration
}

// Known is what becomes known of a container once it has a place. Steps look it
// up by their id.
type Known struct {
	ID, Name, Dir, Rootfs string
	Groups, Sysctls       []string
	Needed                []string // the steps that this run takes
	Args                  func(step string) []string
	ByHand                func(step string) []string
}

// New makes a Teller, and opens its gate if there is anything to stop at. ctx
// ends a wait at a breakpoint.
func New(ctx context.Context, o Options) (*Teller, error) {
	t := &Teller{
		Options: o, ctx: ctx, start: time.Now(),
		text:  narrate.Text{W: o.Out, Color: o.Color, Full: o.Level == Full},
		watch: map[string]evidence.Watch{}, skipped: map[string]bool{},
		place:   stop.Place{Process: os.Getpid(), Image: o.Hello.Image, Next: slices.Clone(o.Steps)},
		subject: evidence.Subject{Images: o.Images},
	}
	if o.Points.Any() {
		gate, err := stop.Open(o.Gate)
		if err != nil {
			return nil, err
		}
		t.gate = gate
	}
	o.Hello.Type = narrate.TypeHello
	t.write(o.Hello)
	return t, nil
}

// Narrator is what the run is to speak to.
func (t *Teller) Narrator() *narrate.Narrator {
	attend := t.Level == Full || t.Level == JSON || t.File != nil || t.gate != nil
	return &narrate.Narrator{Hear: t.hear, Attend: attend}
}

// Know tells what became known of the container. Its journal begins.
func (t *Teller) Know(k Known) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known = k
	t.place.Container, t.place.Name, t.place.Dir, t.place.Rootfs = k.ID, k.Name, k.Dir, k.Rootfs
	t.place.Groups, t.place.Sysctls = k.Groups, k.Sysctls
	t.subject.Dir, t.subject.Rootfs, t.subject.Groups, t.subject.Sysctls = k.Dir, k.Rootfs, k.Groups, k.Sysctls
	if len(k.Needed) > 0 {
		t.place.Next = slices.DeleteFunc(t.place.Next, func(id string) bool { return !slices.Contains(k.Needed, id) })
	}
	if t.journal == nil {
		t.openJournal()
	}
}

// Close ends the telling.
func (t *Teller) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gate != nil {
		_ = t.gate.Close() // its file is removed, or found dead
	}
	if t.journal != nil {
		t.journal.Close()
	}
}

// Running says that the program runs: nothing more can be stopped.
func (t *Teller) Running() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.write(narrate.Record{Type: narrate.TypeTotal, Us: (time.Since(t.start) - t.waited).Microseconds()})
	if t.gate != nil {
		_ = t.gate.Close()
	}
}

// Mute leaves the terminal to the program; files are still written.
func (t *Teller) Mute() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Out, t.text.W = io.Discard, io.Discard
}

// hear is told of one event. The steps of an image may be told of by several
// goroutines.
func (t *Teller) hear(e narrate.Event) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e.Pid != 0 {
		t.place.Pid, t.subject.Pid = e.Pid, e.Pid
	}
	switch e.Phase {
	case narrate.Begin:
		if err := t.stopAt(stop.Point{Step: e.Step.ID}); err != nil {
			return err
		}
		if t.Narrator().Attend {
			t.watch[e.Step.ID] = evidence.Begin(e.Step.ID, t.subject)
		}
	case narrate.Skip:
		if !t.skipped[e.Step.ID] {
			t.skipped[e.Step.ID] = true
			t.take(e.Step.ID)
			t.write(t.record(e))
		}
	case narrate.Fail:
		t.write(t.record(e))
	case narrate.Done:
		t.take(e.Step.ID)
		t.write(t.record(e))
		return t.stopAt(stop.Point{Step: e.Step.ID, After: true})
	}
	return nil
}

// take moves a step from those to come to those done.
func (t *Teller) take(id string) {
	t.place.Done = append(t.place.Done, id)
	t.place.Next = slices.DeleteFunc(slices.Clone(t.place.Next), func(next string) bool { return next == id })
}

// record puts an event, the evidence and the texts together.
func (t *Teller) record(e narrate.Event) narrate.Record {
	t.n++
	r := narrate.Record{
		Type: narrate.TypeStep, ID: e.Step.ID, N: t.n, Phase: e.Phase, Pid: e.Pid,
		Title: e.Step.Title, Why: e.Step.Why, Calls: e.Calls, Us: e.Took.Microseconds(),
	}
	if e.Err != nil {
		r.Error = e.Err.Error()
		if h, ok := e.Err.(interface{ Hint() string }); ok {
			r.Hint = h.Hint()
		}
	}
	if !t.Narrator().Attend || e.Phase == narrate.Skip {
		return r
	}
	if w, ok := t.watch[e.Step.ID]; ok && e.Phase == narrate.Done {
		r.Evidence = w.End(t.subject)
	}
	if t.known.Args != nil {
		r.Args = t.known.Args(e.Step.ID)
	}
	if t.known.ByHand != nil {
		r.ByHand = t.known.ByHand(e.Step.ID)
	}
	if text, ok := texts.ForStep(e.Step.ID); ok {
		r.Look, r.Docker, r.Lesson, r.Man = t.variables().Expand(text.Look.Command), text.Docker, text.Lesson, text.Man
	}
	return r
}

func (t *Teller) variables() Variables { return VariablesOf(t.place, t.Root, t.Run) }

// VariablesOf are the variables of a run that stands at a place.
func VariablesOf(p stop.Place, root, run string) Variables {
	v := Variables{"ROOT": root, "RUN": run, "ID": p.Container, "IMAGE": p.Image}
	if p.Pid != 0 {
		v["PID"] = strconv.Itoa(p.Pid)
	}
	if len(p.Groups) > 0 {
		v["CGROUP"] = telling(p.Groups)
	}
	return v
}

// telling is the directory of a control group that shows the most.
func telling(groups []string) string {
	for _, dir := range groups {
		if _, err := os.Stat(dir + "/memory.limit_in_bytes"); err == nil {
			return dir
		}
	}
	return groups[0]
}

// write sends a record to everybody who reads.
func (t *Teller) write(r narrate.Record) {
	switch t.Level {
	case Off:
	case JSON:
		_ = r.Write(t.Out) // nothing depends on the narration
	case Brief, Full:
		t.text.Print(r)
	}
	if t.File != nil {
		_ = r.Write(t.File)
	}
	if t.journal == nil {
		t.early = append(t.early, r)
		return
	}
	_ = r.Write(t.journal)
}

// JournalName is the file in a container's directory that holds its records.
const JournalName = "events"

func (t *Teller) openJournal() {
	f, err := os.OpenFile(t.known.Dir+"/"+JournalName, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		fmt.Fprintf(t.Out, "learnbox: warning: no journal: %v\n", err)
		return
	}
	t.journal = f
	for _, r := range t.early {
		if r.Type == narrate.TypeHello {
			r.Container, r.Name, r.Steps = t.known.ID, t.known.Name, len(t.known.Needed)
		}
		_ = r.Write(f)
	}
	t.early = nil
}
