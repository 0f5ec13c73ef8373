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
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/learnbox/learnbox/explain/stop"
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

// Variables are what the commands of explain/texts leave open, by name.
type Variables map[string]string

// Expand fills a command in. What is not known yet stays as it is.
func (v Variables) Expand(command string) string {
	names := make([]string, 0, len(v))
	for name, value := range v {
		if value != "" {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return len(b) - len(a) })
	for _, name := range names {
		command = strings.ReplaceAll(command, "$"+name, v[name])
	}
	return command
}

// VariablesOf are the variables of a run that stands at a place.
func VariablesOf(p stop.Place, root, run string) Variables {
	v := Variables{"ROOT": root, "RUN": run, "ID": p.Container, "IMAGE": p.Image}
	if p.Pid != 0 {
		v["PID"] = strconv.Itoa(p.Pid)
	}
	if p.Monitor != 0 {
		v["MONITOR"] = strconv.Itoa(p.Monitor)
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
