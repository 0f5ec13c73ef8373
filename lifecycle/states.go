package lifecycle

import "errors"

// A Deed is something that can be done with a container or not, depending on its
// state.
type Deed string

// The deeds that depend on it.
const (
	ToPause  Deed = "pause"
	ToResume Deed = "unpause"
	ToEnter  Deed = "exec"
	ToAttach Deed = "attach"
	ToWatch  Deed = "top" // its processes
	ToStart  Deed = "start"
)

// Why a state refuses a deed.
var (
	errPaused    = errors.New("the container is paused")
	errNotPaused = errors.New("the container is not paused")
	errDead      = errors.New("container is marked for removal and cannot be started") // Docker's sentence
	// ErrRestarting reports that the program has ended and is about to be started again.
	ErrRestarting error = restartingError{}
)

type restartingError struct{}

func (restartingError) Error() string { return "the container is restarting" }

// Is says that it counts as running: its monitor holds it.
func (restartingError) Is(target error) bool { return target == ErrRunning }

// refusals is the table of states and deeds. What it does not refuse can be done.
//
//	created ──start──> running <──unpause──  paused
//	                   │  ^  └────pause────────^
//	        it ends,   │  │ the pause is over
//	   and is to run   v  │
//	           again   restarting ──stop, kill──> exited ──start──> running
//	                   running, paused ──it ends──> exited
//
//	created, exited ──rm fails half-way──> dead ──rm──> gone
//
// stop, kill, wait and logs need no row: where nothing runs, nobody answers, and
// that is the answer. start and rm also ask for the container's lock, which its monitor
// has from running to exited.
func refusals() map[Deed]map[Status]error {
	return map[Deed]map[Status]error{
		ToPause:  {Created: ErrNotRunning, Paused: errPaused, Restarting: ErrRestarting, Exited: ErrNotRunning, Dead: ErrNotRunning},
		ToResume: {Created: errNotPaused, Running: errNotPaused, Restarting: errNotPaused, Exited: errNotPaused, Dead: errNotPaused},
		ToEnter:  {Created: ErrNotRunning, Paused: errPaused, Restarting: ErrRestarting, Exited: ErrNotRunning, Dead: ErrNotRunning},
		ToAttach: {Created: ErrNotRunning, Paused: errPaused, Restarting: ErrRestarting, Exited: ErrNotRunning, Dead: ErrNotRunning},
		ToStart:  {Dead: errDead},
		ToWatch:  {Created: ErrNotRunning, Restarting: ErrRestarting, Exited: ErrNotRunning, Dead: ErrNotRunning},
	}
}

// Refuses is why nobody can do that in this state, or nil.
func (s Status) Refuses(d Deed) error { return refusals()[d][s] }

// Alive reports whether a monitor is there: the program runs, stands still, or is
// about to be started again.
func (s Status) Alive() bool { return s == Running || s == Paused || s == Restarting }
