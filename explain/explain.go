// Package explain tells the story of a run: what each step did, what the kernel
// says of it, where the text about it is, and, if somebody wants it, waits
// there.
//
// A Teller hears the events of the run (package narrate), reads back from the
// kernel what each step changed (explain/evidence), adds what is always true of
// the step (explain/texts), and makes a record of it. Records go to the
// terminal as text, to a file as JSON, and into the container's directory, where
// `learnbox replay` finds them. At a breakpoint the Teller does not return,
// and as long as it does not, nobody goes on (explain/stop).
//
// How much is told decides what it costs. Nothing: the run has no Teller. Brief:
// events only, nobody waits, a line for each. Full and JSON: the run stands
// still after every step while the kernel is read.
package explain

import (
	"fmt"
	"slices"
)

// A Level says how much is told.
type Level string

// The levels.
const (
	Off   Level = "off"
	Brief Level = "brief" // a line for each step
	Full  Level = "full"  // all there is to say
	JSON  Level = "json"  // the same as records, for programs
)

// ParseLevel reads a level as the user wrote it.
func ParseLevel(s string) (Level, error) {
	levels := []Level{Off, Brief, Full, JSON}
	if !slices.Contains(levels, Level(s)) {
		return Off, fmt.Errorf("%q is no level of explanation: it is off, brief, full or json", s)
	}
	return Level(s), nil
}
