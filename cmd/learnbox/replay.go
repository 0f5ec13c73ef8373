package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/learnbox/learnbox/explain"
	"github.com/learnbox/learnbox/narrate"
)

// ReplayCmd is "learnbox replay".
type ReplayCmd struct {
	Brief     bool   `help:"A line for each step."`
	JSON      bool   `name:"json" help:"Print the records as they are, a JSON object a line."`
	Step      bool   `help:"Wait for Enter after each step."`
	Container string `arg:"" placeholder:"CONTAINER" help:"Name or ID."`
	Only      string `arg:"" optional:"" name:"step" complete:"step" placeholder:"STEP" help:"Show this step only, or a family, as in 'rootfs.*'."`
}

// Help is printed below the flags.
func (ReplayCmd) Help() string {
	return `A run that was explained leaves its story in the container's directory. How much
there is to show depends on how much was told: with --explain=full, all of it.

Examples:
  learnbox run --explain=full --name box tiny true
  learnbox replay box
  learnbox replay box caps.set
  learnbox replay --brief box 'ns.*'
  learnbox replay --step box`
}

// Run does the verb.
func (c *ReplayCmd) Run(a *app) error {
	if err := c.validate(); err != nil {
		return err
	}
	ct, err := a.findContainer(c.Container)
	if err != nil {
		return err
	}
	f, err := os.Open(filepath.Join(a.root, "containers", ct.ID, explain.JournalName))
	if errors.Is(err, fs.ErrNotExist) {
		return hintedError{fmt.Errorf("%s has no journal: nobody explained its run", c.Container), "run it with --explain=brief or --explain=full"}
	}
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	defer f.Close()
	records, cut := narrate.Read(f)
	if cut != nil && !errors.Is(cut, narrate.ErrCut) {
		return cut
	}
	if err := c.print(a, records); err != nil {
		return err
	}
	if cut != nil {
		a.warn("replay", cut.Error()+": whoever wrote it was killed, or still writes")
	}
	if c.Only != "" && !slices.ContainsFunc(records, c.isOf) {
		return withDecider(fmt.Errorf("the journal of %s has no step %s: its run did not take it", c.Container, c.Only), c.Only)
	}
	return nil
}

// validate finds a step that there is none of before anything is printed.
func (c *ReplayCmd) validate() error {
	if c.Only == "" || slices.ContainsFunc(stepIDs(), c.shows) {
		return nil
	}
	return unknownStep(c.Only)
}

func (c *ReplayCmd) shows(id string) bool {
	ok, err := path.Match(c.Only, id)
	return err == nil && ok
}

// isOf reports whether a record is of the step or the family that is to be shown.
func (c *ReplayCmd) isOf(r narrate.Record) bool { return r.Type == narrate.TypeStep && c.shows(r.ID) }

func (c *ReplayCmd) print(a *app, records []narrate.Record) error {
	text := narrate.Text{W: a.stdout, Color: a.colorOut(), Full: !c.Brief}
	keys := bufio.NewReader(a.stdin)
	for _, r := range records {
		if c.Only != "" && !c.isOf(r) {
			continue
		}
		if c.JSON {
			if err := r.Write(a.stdout); err != nil {
				return err
			}
			continue
		}
		text.Print(r)
		if c.Step && r.Type == narrate.TypeStep {
			fmt.Fprint(a.stderr, "Enter: the next step ")
			if _, err := keys.ReadString('\n'); err != nil {
				return nil //nolint:nilerr // the end of the input is the end of the story
			}
		}
	}
	return nil
}
