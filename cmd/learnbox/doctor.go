package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/learnbox/learnbox/narrate"
)

// DoctorCmd is "learnbox doctor".
type DoctorCmd struct {
	JSON bool `name:"json" help:"Print a JSON object a line."`
}

// Help is printed below the flags.
func (DoctorCmd) Help() string {
	return `Each feature of the kernel is tried, where nobody else can see it; nothing is
left. What is needed for a run is marked with *. A line with ? could not be
told, mostly because it needs root. The exit code is 0 if all that a run needs
is there, else 1.

Examples:
  learnbox doctor
  learnbox doctor --json`
}

// A finding is what a probe found out.
type finding string

const (
	found   finding = "yes"
	missing finding = "no"
	unclear finding = "could not tell"
)

// A checkup is one line of the doctor's.
type checkup struct {
	About    string  `json:"about"` // the heading
	Name     string  `json:"name"`
	Answer   finding `json:"answer"`
	Found    string  `json:"found,omitempty"` // what there is, or why not
	For      string  `json:"for"`             // what it is needed for
	Required bool    `json:"required"`        // no run without it
	Do       string  `json:"do,omitempty"`    // the way out, unless the answer is yes
}

// Run does the verb.
func (c *DoctorCmd) Run(a *app) error {
	all := a.examine()
	sick := 0
	for _, line := range all {
		if line.Required && line.Answer != found {
			sick++
		}
		if !c.JSON {
			continue
		}
		if err := json.NewEncoder(a.stdout).Encode(line); err != nil {
			return fmt.Errorf("print JSON: %w", err)
		}
	}
	if !c.JSON {
		writeCheckups(a.stdout, all)
		verdict := "Everything that a run needs is there."
		if sick > 0 {
			verdict = fmt.Sprintf("%d of the things that a run needs are not there, or could not be told.", sick)
		}
		fmt.Fprintf(a.stdout, "\n%s\n", verdict)
	}
	if sick > 0 {
		return exitError{code: exitFailed}
	}
	return nil
}

// writeCheckups prints a line each below their headings, and under it what to do.
func writeCheckups(w io.Writer, all []checkup) {
	about := ""
	for _, c := range all {
		if c.About != about {
			fmt.Fprintf(w, "\n%s\n", c.About)
			about = c.About
		}
		mark := map[finding]string{found: "yes", missing: "NO", unclear: "?"}[c.Answer]
		star := " "
		if c.Required {
			star = "*"
		}
		fmt.Fprintf(w, " %s%-4s %-16s %s\n", star, mark, c.Name, c.For)
		for _, more := range []string{c.Found, c.Do} {
			if more == "" {
				continue
			}
			lines := narrate.Wrap(narrate.Plain(more), 70)
			if strings.Contains(more, " && ") { // commands, which can be pasted only if they are in one line
				lines = []string{narrate.Plain(more)}
			}
			for _, line := range lines {
				fmt.Fprintf(w, "%7s%s\n", "", strings.TrimRight("  "+line, " "))
			}
		}
	}
}
