package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/narrate"
)

// EventsCmd is "learnbox events".
type EventsCmd struct {
	Since  string   `placeholder:"TIME" help:"Show what happened after this time (RFC 3339, seconds since 1970, or how long ago, as 10m)."`
	Until  string   `placeholder:"TIME" help:"End at this time."`
	Filter []string `short:"f" sep:"none" placeholder:"KEY=VALUE" help:"Show only what fits: type, event, container, image, label; may be repeated."`
	Format string   `placeholder:"FORMAT" help:"json, or a Go template."`
}

// Help is printed below the flags.
func (EventsCmd) Help() string {
	return `Shows what happens from now on, until it is interrupted. With --since also what
happened before, since the machine was booted.

Besides Docker's events there are two of containers whose limits have bitten:
throttle (--cpus) and pids (--pids-limit).

Examples:
  learnbox events
  learnbox events --since 10m --until 0s
  learnbox events --filter container=web --filter event=die --filter event=oom
  learnbox events --format '{{.Time}} {{.Action}} {{.Actor.Attributes.name}}'`
}

// KeepsSignals lets an interrupt end it at once.
func (EventsCmd) KeepsSignals() {}

// Run does the verb.
func (c *EventsCmd) Run(a *app) error {
	now := time.Now()
	since, err := parseTime(c.Since, now)
	if err != nil {
		return err
	}
	until, err := parseTime(c.Until, now)
	if err != nil {
		return err
	}
	filters, err := parseEventFilters(c.Filter)
	if err != nil {
		return err
	}
	show, err := c.printer(a)
	if err != nil {
		return err
	}
	all, err := a.containers("events")
	if err != nil {
		return a.asRoot("read events", err)
	}
	if err := all.Sweep(); err != nil {
		a.warn("events", err.Error())
	}
	if c.Since == "" && c.Until == "" {
		since = now
	}
	var failed error
	each := func(e lifecycle.Event) {
		at := time.Unix(0, e.TimeNano)
		if failed == nil && !at.Before(since) && (until.IsZero() || at.Before(until)) && filters.fits(e) {
			failed = show(e)
		}
	}
	ctx, cancel := context.WithCancel(a.ctx)
	if c.Until != "" {
		ctx, cancel = context.WithDeadline(a.ctx, until)
	}
	defer cancel()
	err = all.Journal().Follow(ctx, func(e lifecycle.Event) {
		if each(e); failed != nil {
			cancel()
		}
	})
	if failed != nil {
		return failed
	}
	return a.asRoot("read events", err)
}

// printer prints one event.
func (c *EventsCmd) printer(a *app) (func(lifecycle.Event) error, error) {
	switch c.Format {
	case "":
		return func(e lifecycle.Event) error {
			_, err := fmt.Fprintln(a.stdout, eventLine(e))
			return err
		}, nil
	case "json":
		c.Format = "{{json .}}"
	}
	t, err := parseTemplate(c.Format)
	if err != nil {
		return nil, err
	}
	t.Option("missingkey=default") // not every event has every attribute
	return func(e lifecycle.Event) error {
		var line strings.Builder
		if err := t.Execute(&line, e); err != nil {
			return exitError{exitUsage, fmt.Errorf("format: %w", plainTemplate(err))}
		}
		_, err := fmt.Fprintln(a.stdout, line.String())
		return err
	}, nil
}

// eventLine is Docker's form of an event:
//
//	2026-11-24T12:00:00.000000000Z container start 7f3c… (image=alpine, name=web)
func eventLine(e lifecycle.Event) string {
	line := fmt.Sprintf("%s %s %s %s", time.Unix(0, e.TimeNano).Format("2006-01-02T15:04:05.000000000Z07:00"), e.Type, e.Action, e.Actor.ID)
	var words []string
	for _, key := range slices.Sorted(maps.Keys(e.Actor.Attributes)) {
		words = append(words, key+"="+e.Actor.Attributes[key])
	}
	if len(words) > 0 {
		line += " (" + strings.Join(words, ", ") + ")"
	}
	return narrate.Plain(line)
}

// tellImage tells of something that happened to an image, which learnbox events shows.
func (a *app) tellImage(action, id, name string) {
	lifecycle.OpenJournal(a.runDir).Tell(lifecycle.NewEvent("image", action, id, "name", name))
}
