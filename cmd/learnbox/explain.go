package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/learnbox/learnbox/explain"
	"github.com/learnbox/learnbox/explain/stop"
	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/pull"
	"github.com/learnbox/learnbox/sandbox"
	"github.com/learnbox/learnbox/sandbox/cgroup"
	"github.com/learnbox/learnbox/unpack"
)

// explainFlags say how much a verb tells of what it does.
type explainFlags struct {
	Explain     string `placeholder:"LEVEL" help:"Tell of each step: off, brief, full or json (default brief on a terminal, else off)."`
	ExplainFile string `placeholder:"FILE" help:"Write the records of all steps to this file, as JSON lines."`

	told bool // the file has begun
}

// stopFlags say where a run is to stand still.
type stopFlags struct {
	Step       bool     `help:"Stop before every step."`
	Break      []string `sep:"none" complete:"step" placeholder:"STEP" help:"Stop before this step, or before all of a family, as in 'rootfs.*'; may be repeated."`
	BreakAfter []string `sep:"none" complete:"step" placeholder:"STEP" help:"Stop when this step has been taken; may be repeated."`
}

// allSteps are the steps of a run, in order.
func allSteps() []narrate.Step {
	steps := []narrate.Step{pull.ResolveStep(), pull.FetchStep(), unpack.Step(), lifecycle.CreateStep(), lifecycle.MonitorStep()}
	return append(append(steps, sandbox.Steps()...), lifecycle.ExitStep())
}

// stepOf is one of them.
func stepOf(id string) narrate.Step {
	all := allSteps()
	return all[slices.IndexFunc(all, func(s narrate.Step) bool { return s.ID == id })]
}

func stepIDs() []string {
	var ids []string
	for _, s := range allSteps() {
		ids = append(ids, s.ID)
	}
	return ids
}

// points reads the breakpoints.
func (f *stopFlags) points() (stop.Points, error) {
	ids := stepIDs()
	points, err := stop.Parse(f.Break, f.BreakAfter, ids)
	if unknown, ok := errors.AsType[*stop.UnknownStepError](err); ok {
		return points, unknownStep(unknown.Pattern)
	}
	for _, id := range points.Steps() {
		if id == lifecycle.ExitStep().ID || slices.Contains(f.BreakAfter, id) && id == ids[len(ids)-2] {
			return points, exitError{exitUsage, hintedError{
				fmt.Errorf("a run cannot be stopped there: from %s on its program runs", ids[len(ids)-2]),
				"--break " + ids[len(ids)-2] + " stops just before, --step before every step",
			}}
		}
	}
	points.Every(f.Step)
	return points, err
}

// unknownStep says which step may have been meant.
func unknownStep(word string) error {
	hint := "learnbox steps lists them"
	if near := nearest(word, stepIDs()); near != "" {
		hint = "did you mean " + near + "? " + hint
	}
	return exitError{exitUsage, hintedError{fmt.Errorf("there is no step %q", word), hint}}
}

// level is how much to tell: the flag before the environment before what suits
// the terminal.
func (f *explainFlags) level(a *app, quiet bool) (explain.Level, error) {
	word := firstOf(f.Explain, os.Getenv("LEARNBOX_EXPLAIN"))
	switch {
	case quiet && f.Explain == "":
		return explain.Off, nil
	case word == "" && a.terminalErr():
		return explain.Brief, nil
	case word == "":
		return explain.Off, nil
	}
	level, err := explain.ParseLevel(word)
	if err != nil {
		return level, exitError{exitUsage, err}
	}
	return level, nil
}

func (a *app) terminalErr() bool { return isTerminalWriter(a.stderr) }

// colorOut says whether stdout may be coloured (https://no-color.org).
func (a *app) colorOut() bool { return isTerminalWriter(a.stdout) && os.Getenv("NO_COLOR") == "" }

func isTerminalWriter(w io.Writer) bool {
	f := fileBehind(w)
	return f != nil && isTerminal(f)
}

// tell makes the Teller of a verb, and has the app speak to it. It makes none
// if there is nothing to tell and nowhere to stop. done ends it.
func (f *explainFlags) tell(ctx context.Context, a *app, image string, quiet bool, stops *stopFlags) (done func(), err error) {
	level, err := f.level(a, quiet)
	if err != nil {
		return nil, err
	}
	points, err := stops.points()
	if err != nil {
		return nil, err
	}
	if level == explain.Off && f.ExplainFile == "" && !points.Any() || a.narrate != nil {
		return func() {}, nil
	}
	var file *os.File
	if f.ExplainFile != "" {
		how := os.O_TRUNC
		if f.told { // about several containers in turn
			how = os.O_APPEND
		}
		if file, err = os.OpenFile(f.ExplainFile, os.O_WRONLY|os.O_CREATE|how, 0o644); err != nil { // the user's own path
			return nil, fmt.Errorf("--explain-file: %w", err)
		}
		f.told = true
	}
	a.held, a.stops = &heldWriter{to: a.stderr}, stops
	o := explain.Options{
		Level: level, Out: a.held, Color: a.terminalErr() && os.Getenv("NO_COLOR") == "",
		Steps: stepIDs(), Points: points, Gate: a.gateDir(), Keys: a.keys(), BeforeStop: a.held.release,
		Root: a.root, Images: filepath.Join(a.imagesDir(), "blobs", "sha256"),
		Hello: hello(image),
	}
	kept := &keptWriter{to: file}
	if file != nil {
		o.File = kept
	}
	if a.teller, err = explain.New(ctx, o); err != nil {
		return nil, err
	}
	a.narrate = a.teller.Narrator()
	debug.SetGCPercent(400) // what a run tells is a few megabytes, which is not worth a collection
	return func() {
		a.held.release()
		a.teller.Close()
		a.teller, a.narrate = nil, nil
		if file != nil {
			a.closeExplainFile(file, kept)
		}
	}, nil
}

// closeExplainFile says so if it does not hold everything. The exit code is about what the verb did.
func (a *app) closeExplainFile(file *os.File, kept *keptWriter) {
	if err := cmp.Or(kept.lost(), file.Close()); err != nil {
		a.warn(a.verb, "--explain-file: "+err.Error())
	}
}

// gateDir is where the gates of stopped runs are.
func (a *app) gateDir() string { return filepath.Join(a.runDir, "stops") }

// hello is the first record: who tells, and on which machine.
func hello(image string) narrate.Record {
	v := readVersion()
	r := narrate.Record{Learnbox: v.Version, Kernel: v.KernelVersion, Image: image, Steps: len(allSteps())}
	if h, err := cgroup.Detect(); err == nil {
		r.Cgroup = fmt.Sprintf("v%d", h.Version)
	}
	return r
}

// A laterWriter writes when something else has been written.
type laterWriter struct {
	first <-chan struct{}
	to    io.Writer
}

func (w laterWriter) Write(p []byte) (int, error) {
	<-w.first
	return w.to.Write(p)
}

// A heldWriter can hold back what is written: lines of the narration must not
// fall between progress bars.
type heldWriter struct {
	to io.Writer

	mu   sync.Mutex
	held *bytes.Buffer // nil: nothing is held back
}

func (w *heldWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.held != nil {
		return w.held.Write(p)
	}
	return w.to.Write(p)
}

func (w *heldWriter) hold() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.held == nil {
		w.held = new(bytes.Buffer)
	}
}

func (w *heldWriter) release() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.held != nil {
		_, _ = w.held.WriteTo(w.to) // nobody is told of what nobody can read
		w.held = nil
	}
}
