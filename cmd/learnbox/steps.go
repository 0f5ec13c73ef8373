package main

import (
	"encoding/json"
	"fmt"
)

// StepsCmd is "learnbox steps".
type StepsCmd struct {
	JSON bool `name:"json" help:"Print a JSON object a line."`
}

// Help is printed below the flags.
func (StepsCmd) Help() string {
	return `Lists the ids of all steps, in the order of a run. They are the words for
--break, look, replay, explain and whatif.

Examples:
  learnbox steps
  learnbox explain ns.uts`
}

// KeepsSignals spares a verb that only prints the cost of a handler.
func (StepsCmd) KeepsSignals() {}

// Run does the verb.
func (c *StepsCmd) Run(a *app) error {
	for _, s := range allSteps() {
		if !c.JSON {
			fmt.Fprintf(a.stdout, "%-17s %s\n", s.ID, s.Title)
			continue
		}
		if err := json.NewEncoder(a.stdout).Encode(outside(s, true)); err != nil {
			return fmt.Errorf("print JSON: %w", err)
		}
	}
	return nil
}
