package main

import (
	"cmp"
	"context"
	"io"
	"strconv"
	"time"

	"github.com/learnbox/learnbox/lifecycle"
)

// LogsCmd is "learnbox logs".
type LogsCmd struct {
	Follow     bool   `short:"f" help:"Go on with what the container says."`
	Tail       string `short:"n" default:"all" placeholder:"LINES" help:"Show only so many lines from the end."`
	Since      string `placeholder:"TIME" help:"Show what came after this time (RFC 3339, seconds since 1970, or how long ago, as 10m)."`
	Until      string `placeholder:"TIME" help:"Show what came before this time."`
	Timestamps bool   `short:"t" help:"Put the time before each line."`
	Container  string `arg:"" placeholder:"CONTAINER" help:"Name or ID."`
}

// Help is printed below the flags.
func (LogsCmd) Help() string {
	return `Shows what a container has said on its standard output and error, on those of
learnbox.

Examples:
  learnbox logs web
  learnbox logs -f --tail 10 web
  learnbox logs --since 10m -t web`
}

// Run does the verb.
func (c *LogsCmd) Run(a *app) error {
	since, err := parseTime(c.Since, time.Now())
	if err != nil {
		return err
	}
	until, err := parseTime(c.Until, time.Now())
	if err != nil {
		return err
	}
	keep := -1
	if c.Tail != "all" {
		if keep, err = strconv.Atoi(c.Tail); err != nil {
			return usageError("--tail %s: it is a number of lines, or all", c.Tail)
		}
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
	p := logPrinter{keep: keep, stop: stop, print: func(e lifecycle.Entry) error { return a.printEntry(e, c.Timestamps) }}
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

// A logPrinter holds entries back until it is known which are the last ones. Once
// something could not be printed it prints no more.
type logPrinter struct {
	keep   int // so many of the first part; negative: all
	print  func(lifecycle.Entry) error
	stop   func() // nothing more needs to be read
	held   []lifecycle.Entry
	live   bool
	failed error // of print
}

func (p *logPrinter) add(e lifecycle.Entry) {
	if p.live || p.keep < 0 {
		p.show(e)
		return
	}
	p.held = append(p.held, e)
	if len(p.held) > p.keep {
		p.held = p.held[1:]
	}
}

func (p *logPrinter) caughtUp() {
	for _, e := range p.held {
		p.show(e)
	}
	p.held, p.live = nil, true
}

func (p *logPrinter) show(e lifecycle.Entry) {
	if p.failed != nil {
		return
	}
	if p.failed = p.print(e); p.failed != nil {
		p.stop()
	}
}

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
