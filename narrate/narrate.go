// Package narrate holds the vocabulary in which learnbox tells what it does:
// the steps of a run and the events that report them.
//
// It is a leaf. Every other package may speak it, and it knows none of them.
package narrate

import "time"

// A Step names one thing that learnbox does on the way from an image name to
// a running program. Ids are public: lessons, breakpoints and errors use them.
type Step struct {
	ID    string // for example "ns.uts"
	Title string // what the step gives the container, in a few words
	Why   string // why it stands at this place in the order
}

// Phase says where in its life a step is.
type Phase string

// The phases of a step, in order. Skip takes the place of the others when the
// step is not needed in this run.
const (
	Begin Phase = "begin"
	Done  Phase = "done"
	Fail  Phase = "fail"
	Skip  Phase = "skip"
)

// An Event reports one phase of one step.
type Event struct {
	Step  Step
	Phase Phase
	Took  time.Duration // since Begin; zero in Begin and Skip
	Err   error         // only in Fail
}

// A Narrator hears every event of a run, in order. A nil Narrator hears
// nothing and costs nothing.
type Narrator func(Event)

// Run does a step and tells n about it. The error, if any, comes back as it
// was; whoever owns the table of steps says which step failed.
func (n Narrator) Run(s Step, do func() error) error {
	if n == nil {
		return do()
	}
	n(Event{Step: s, Phase: Begin})
	start := time.Now()
	err := do()
	e := Event{Step: s, Phase: Done, Took: time.Since(start), Err: err}
	if err != nil {
		e.Phase = Fail
	}
	n(e)
	return err
}
