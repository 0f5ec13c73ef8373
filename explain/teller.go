package explain

import (
	"cmp"
	"context"
	"io"
	"maps"
	"os"
	"slices"
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

	Root, Images string // absolute: learnbox's directory, and the image store
}

// A Teller tells of one run. Close must be called.
type Teller struct {
	Options
	ctx context.Context //nolint:containedctx // it ends a wait that the run's own context cannot reach

	scribe *scribe

	mu   sync.Mutex
	gate *stop.Gate

	place   stop.Place
	subject evidence.Subject
	known   Known
	group   Variables // see ofGroup; nil: not known yet, or not any more
	watcher evidence.Watcher
	watch   map[string]evidence.Watch // of steps that have begun
	n       int
	start   time.Time
	waited  time.Duration
}

// New makes a Teller, and opens its gate if there is anything to stop at. ctx
// ends a wait at a breakpoint.
func New(ctx context.Context, o Options) (*Teller, error) {
	t := &Teller{
		Options: o, ctx: ctx, start: time.Now(),
		scribe:  newScribe(o),
		watch:   map[string]evidence.Watch{},
		place:   stop.Place{Process: os.Getpid(), Image: o.Hello.Image, Next: slices.Clone(o.Steps)},
		subject: evidence.Subject{Images: o.Images},
	}
	if o.Points.Any() {
		gate, err := stop.Open(o.Gate)
		if err != nil {
			t.scribe.close()
			return nil, err
		}
		t.gate = gate
	}
	o.Hello.Type = narrate.TypeHello
	t.scribe.work <- func() { t.scribe.write(o.Hello) }
	return t, nil
}

// Narrator is what the run is to speak to.
func (t *Teller) Narrator() *narrate.Narrator {
	attend := t.Level == Full || t.Level == JSON || t.File != nil || t.gate != nil
	return &narrate.Narrator{Hear: t.hear, Attend: attend, Gated: t.gate != nil}
}

// Close ends the telling.
func (t *Teller) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gate != nil {
		_ = t.gate.Close() // its file is removed, or found dead
	}
	t.scribe.close()
}

// Running says that the program runs: nothing more can be stopped. told is closed when all
// until then is told; what the program says belongs behind that.
func (t *Teller) Running() (told <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	total := narrate.Record{Type: narrate.TypeTotal, Container: t.known.ID, Us: (time.Since(t.start) - t.waited).Microseconds()}
	t.scribe.work <- func() { t.scribe.write(total) }
	told = t.scribe.flushed()
	if t.gate != nil {
		_ = t.gate.Close()
	}
	return told
}

// Mute leaves the terminal to the program; files are still written.
func (t *Teller) Mute() {
	t.scribe.work <- func() { t.scribe.out = io.Discard }
	<-t.scribe.flushed()
}

// hear is told of one event. The steps of an image may be told of by several
// goroutines.
func (t *Teller) hear(e narrate.Event) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e.Pid != t.place.Pid && e.Pid != 0 {
		t.place.Pid, t.subject.Pid = e.Pid, e.Pid
	}
	if e.Monitor != 0 {
		t.place.Monitor, t.subject.Monitor = e.Monitor, e.Monitor
	}
	now := t.subject.AtOnce()
	switch e.Phase {
	case narrate.Begin:
		if err := t.stopAt(stop.Point{Step: e.Step.ID}); err != nil {
			return err
		}
		t.watchFor(e.Step.ID, t.subject.AtOnce())
	case narrate.Skip:
		if !slices.Contains(t.place.Done, e.Step.ID) { // once, and not of what was needed before
			t.take(e.Step.ID)
			t.tell(e, now)
		}
	case narrate.Fail:
		t.tell(e, now)
	case narrate.Done:
		if e.Step.ID == groupStep {
			t.group = nil
		}
		t.take(e.Step.ID)
		t.tell(e, now)
		if err := t.stopAt(stop.Point{Step: e.Step.ID, After: true}); err != nil {
			return err
		}
		if next := t.unannounced(e); next != "" {
			t.watchFor(next, now)
		}
	}
	return nil
}

// take moves a step from those to come to those done.
func (t *Teller) take(id string) {
	t.place.Done = append(t.place.Done, id)
	t.place.Next = slices.DeleteFunc(slices.Clone(t.place.Next), func(next string) bool { return next == id })
}

// tell puts an event and the evidence together, while the run stands still, and
// leaves the rest to the scribe.
func (t *Teller) tell(e narrate.Event, now evidence.Subject) {
	t.n++
	r := narrate.Record{
		Type: narrate.TypeStep, Container: t.known.ID, ID: e.Step.ID, N: t.n, Phase: e.Phase, Pid: e.Pid,
		Title: e.Step.Title, Why: e.Step.Why, Calls: e.Calls, Us: (e.Took + time.Microsecond - 1).Microseconds(), // 0 is for those of which nobody knows
	}
	if e.Err != nil {
		r.Error = e.Err.Error()
		if h, ok := e.Err.(interface{ Hint() string }); ok {
			r.Hint = h.Hint()
		}
		r.Hint = cmp.Or(r.Hint, texts.About(r.Error))
	}
	var facts func() []narrate.Fact
	if w, ok := t.watch[e.Step.ID]; ok && e.Phase == narrate.Done {
		facts = w.End(now)
	}
	known, more := t.known, t.Narrator().Attend && e.Phase != narrate.Skip
	var variables Variables
	if more {
		variables = t.variables()
	}
	if e.Monitor != 0 {
		r.Pid = e.Monitor
	}
	t.scribe.work <- func() {
		if facts != nil {
			r.Evidence = facts()
		}
		if more {
			addTexts(&r, known, variables)
		}
		t.scribe.write(r)
	}
}

// variables are those of the moment: where the run stands decides about some of them.
func (t *Teller) variables() Variables {
	if t.group == nil {
		t.group = ofGroup(t.place)
	}
	v := ofRun(t.place, t.Root)
	maps.Copy(v, t.group)
	return v
}

// addTexts adds to a record what does not depend on the moment.
func addTexts(r *narrate.Record, known Known, variables Variables) {
	if known.Args != nil {
		r.Args = known.Args(r.ID)
	}
	if known.ByHand != nil {
		r.ByHand = known.ByHand(r.ID)
	}
	if text, ok := texts.ForStep(r.ID); ok {
		r.Look, r.Docker, r.Lesson, r.Man = variables.Expand(text.Look.Command), text.Docker, text.Lesson, text.Man
	}
}
