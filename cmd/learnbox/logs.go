package main

import (
	"cmp"
	"context"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/learnbox/learnbox/lifecycle"
)

// LogsCmd is "learnbox logs".
type LogsCmd struct {
	Follow     bool   `short:"f" help:"Go on with what the container says."`
	Tail       string `short:"n" default:"all" placeholder:"LINES" help:"Show only so many lines from the end."`
	Since      string `placeholder:"TIME" help:"Show what came after this time (RFC 3339, seconds since 1970, or how long ago, as 10m)."`
	Until      string `placeholder:"TIME" help:"Show what came before this time; with -f, end at it."`
	Timestamps bool   `short:"t" help:"Put the time before each line."`
	Container  string `arg:"" placeholder:"CONTAINER" help:"Name or ID."`
}

// Help is printed below the flags.
func (LogsCmd) Help() string {
	return `Shows what a container has said on its standard output and error, on those of
learnbox. A log keeps at least its last 16 MiB, times included; what was before is lost.

Examples:
  learnbox logs web
  learnbox logs -f --tail 10 web
  learnbox logs --since 10m -t web`
}

// KeepsSignals lets an interrupt end it at once: its exit code is that of a signal, as in Docker.
func (LogsCmd) KeepsSignals() {}

// Run does the verb.
func (c *LogsCmd) Run(a *app) error {
	since, until, keep, err := c.part(time.Now())
	if err != nil {
		return err
	}
	ct, err := a.findContainer(c.Container)
	if err != nil {
		return unknownContainer(err)
	}
	all, err := a.containers("logs")
	if err != nil {
		return a.asRoot("read logs", err)
	}
	ctx, stop := context.WithCancel(a.ctx)
	defer stop()
	if c.Until != "" {
		var end context.CancelFunc
		ctx, end = context.WithDeadline(ctx, until)
		defer end()
	}
	p := newLogPrinter(keep, stop, func(e lifecycle.Entry, begins bool) error { return a.printEntry(e, c.Timestamps && begins) })
	each := func(e lifecycle.Entry) {
		if !e.Time.Before(since) && (until.IsZero() || e.Time.Before(until)) {
			p.add(e)
		}
	}
	if !c.Follow {
		err = all.Logs(ct.ID, each)
		p.caughtUp()
	} else {
		err = all.Follow(ctx, ct.ID, each, p.caughtUp)
	}
	return cmp.Or(p.failed, err)
}

// part is which part of the log is wanted: what came between two times, and so many of
// its last lines, or all if that is negative.
func (c *LogsCmd) part(now time.Time) (since, until time.Time, keep int, err error) {
	if since, err = parseTime(c.Since, now); err != nil {
		return since, until, 0, err
	}
	if until, err = parseTime(c.Until, now); err != nil {
		return since, until, 0, err
	}
	if c.Tail == "all" {
		return since, until, -1, nil
	}
	if keep, err = strconv.Atoi(c.Tail); err != nil {
		err = usageError("--tail %s: it is a number of lines, or all", c.Tail)
	}
	return since, until, keep, err
}

// A logPrinter holds lines back until it is known which are the last ones. Once
// something could not be printed it prints no more.
//
// An entry is what the program wrote at once, so a line may come in several pieces, and
// pieces of the other stream in between. The pieces of a line are shown as they come.
type logPrinter struct {
	keep   int                                        // so many lines of the first part; negative: all
	stop   func()                                     // nothing more needs to be read
	print  func(e lifecycle.Entry, begins bool) error // begins: it is the first piece of its line that is shown
	failed error                                      // of print

	held    []*logLine          // the last ones so far, in the order of their first pieces
	growing map[string]*logLine // of each stream: the line whose end has not come
	within  map[string]bool     // of each stream: what is shown ends within a line
	live    bool
}

// A logLine is a line in pieces.
type logLine []lifecycle.Entry

func newLogPrinter(keep int, stop func(), to func(lifecycle.Entry, bool) error) *logPrinter {
	return &logPrinter{keep: keep, stop: stop, print: to, growing: map[string]*logLine{}, within: map[string]bool{}}
}

func (p *logPrinter) add(e lifecycle.Entry) {
	if p.live || p.keep < 0 {
		p.show(e)
		return
	}
	line := p.growing[e.Stream]
	if line == nil {
		line = new(logLine)
		p.held = append(p.held, line)
		if len(p.held) > p.keep {
			p.held = p.held[1:]
		}
	}
	*line = append(*line, e)
	p.growing[e.Stream] = line
	if endsLine(e) {
		p.growing[e.Stream] = nil
	}
}

func (p *logPrinter) caughtUp() {
	for _, line := range p.held {
		for _, e := range *line {
			p.show(e)
		}
	}
	p.held, p.growing, p.live = nil, nil, true
}

func (p *logPrinter) show(e lifecycle.Entry) {
	if p.failed != nil {
		return
	}
	if p.failed = p.print(e, !p.within[e.Stream]); p.failed != nil {
		p.stop()
	}
	p.within[e.Stream] = !endsLine(e)
}

func endsLine(e lifecycle.Entry) bool { return strings.HasSuffix(e.Log, "\n") }

// printEntry prints an entry where it came from. A pipe that closes ends the command
// by its signal.
func (a *app) printEntry(e lifecycle.Entry, stamp bool) error {
	to := a.stdout
	if e.Stream == "stderr" {
		to = a.stderr
	}
	text := e.Log
	if stamp {
		text = e.Time.UTC().Format("2006-01-02T15:04:05.000000000Z") + " " + text
	}
	_, err := io.WriteString(to, text)
	return err
}

// parseTime reads a time as Docker does; an empty one is the zero time.
func parseTime(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if seconds, err := strconv.ParseFloat(s, 64); err == nil { // before durations, which have a unit, all but 0
		return time.UnixMicro(int64(seconds * 1e6)), nil
	}
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usageError("%q is no time: it reads 2026-01-31T12:00:00Z, 1769860800 or 10m", s)
}
