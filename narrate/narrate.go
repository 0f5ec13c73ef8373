// Package narrate holds the vocabulary in which learnbox tells what it does:
// the steps of a run, the events that report them, and the records that
// everybody else reads.
//
// Whoever does the work speaks in events (this file), at the moment when
// something happens and in the process where it happens. Whoever tells the
// user makes a record of each (record.go): the event, what was read back from
// the kernel, and the texts of the step. A record is one line of JSON; the
// text on the terminal (text.go), the journal of a container, breakpoints,
// lessons and tests all read the same records.
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
	Step    Step
	Phase   Phase
	Pid     int           // of the container's first process, on the machine; 0 before it exists
	Monitor int           // of the container's monitor, on the machine; only in the step that starts it
	Far     bool          // another process took it, which may not tell that the next one begins
	Took    time.Duration // since Begin; zero in Begin and Skip, and if nobody knows
	Calls   []Call        // only if the narrator attends, in Done and Fail
	Err     error         // only in Fail
}

// A Call is a system call that a step made.
type Call struct {
	Call   string `json:"call"`             // as strace(1) would print it
	Result string `json:"result"`           // "ok", or the errno's name
	At     string `json:"at,omitempty"`     // "sandbox/rootfs/mount_linux.go:57"
	Repeat int    `json:"repeat,omitempty"` // how many more of the kind followed
}

// A Narrator hears of every step of a run, in order. A nil Narrator hears
// nothing and costs nothing.
type Narrator struct {
	// Hear is told what begins and what is done. An error from it ends the run.
	Hear func(Event) error

	// Attend says that the run stands still after every step until Hear returns,
	// in every process that takes part, and that system calls are told too.
	// Otherwise the run goes on while Hear hears.
	Attend bool

	// Gated says that it stands still before every step, too.
	Gated bool
}

// Run does a step and tells n about it. The error, if any, comes back as it
// was; whoever owns the table of steps says which step failed. fill adds to an
// event what the teller knows besides.
func (n *Narrator) Run(s Step, do func() error, fill ...func(*Event)) error {
	if n == nil {
		return do()
	}
	if err := n.tell(Event{Step: s, Phase: Begin}, fill); err != nil {
		return err
	}
	start := time.Now()
	err := do()
	e := Event{Step: s, Phase: Done, Took: time.Since(start), Err: err}
	if err != nil {
		e.Phase = Fail
	}
	if told := n.tell(e, fill); err == nil {
		err = told
	}
	return err
}

// Skip tells that a step is not needed in this run.
func (n *Narrator) Skip(s Step) {
	if n != nil {
		_ = n.tell(Event{Step: s, Phase: Skip}, nil) // nothing has begun that could be ended
	}
}

// Attends reports whether somebody waits for every step.
func (n *Narrator) Attends() bool { return n != nil && n.Attend }

func (n *Narrator) tell(e Event, fill []func(*Event)) error {
	for _, f := range fill {
		f(&e)
	}
	return n.Hear(e)
}
