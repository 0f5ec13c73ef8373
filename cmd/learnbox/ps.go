package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/docker/go-units"
	digest "github.com/opencontainers/go-digest"

	"github.com/learnbox/learnbox/lifecycle"
)

// PsCmd is "learnbox ps".
type PsCmd struct {
	All     bool     `short:"a" help:"List those that have ended too."`
	Quiet   bool     `short:"q" help:"Print IDs only."`
	Last    int      `short:"n" default:"-1" placeholder:"N" help:"List the N that were made last, whatever they do."`
	Latest  bool     `short:"l" help:"List the one that was made last."`
	Size    bool     `short:"s" help:"Show what each has written, and that and its image together."`
	NoTrunc bool     `help:"Print IDs and commands in full."`
	Filter  []string `short:"f" sep:"none" placeholder:"KEY=VALUE" help:"List only what fits: name, id, status, health, ancestor, label, volume, exited, before, since; may be repeated."`
	Format  string   `placeholder:"FORMAT" help:"table, table TEMPLATE, json, or a Go template."`
}

// Help is printed below the flags.
func (PsCmd) Help() string {
	return `Filters of one key are alternatives, those of different keys must all fit, and
so must all labels. Names and IDs are regular expressions.

Examples:
  learnbox ps
  learnbox ps -a
  learnbox ps -aq --filter status=exited --filter exited=0
  learnbox ps -s --filter name=^web --filter label=tier=front
  learnbox ps --format '{{.Names}}: {{.Status}}'
  learnbox ps --format 'table {{.ID}}\t{{.Names}}\t{{.Size}}'`
}

// Run does the verb.
func (c *PsCmd) Run(a *app) error {
	filters, err := parsePsFilters(c.Filter)
	if err != nil {
		return err
	}
	all, err := a.containers("ps")
	if err != nil {
		return a.asRoot("read the containers", err)
	}
	list, swept, damaged := all.Survey()
	if swept != nil {
		a.warnUntidy("ps", swept)
	}
	if err := filters.resolve(a, all); err != nil {
		return err
	}
	rows, unread := c.rows(a, c.wanted(list, &filters))
	damaged = errors.Join(damaged, unread)
	if c.Quiet && c.Format == "" {
		for _, r := range rows {
			fmt.Fprintln(a.stdout, r["ID"])
		}
		return damaged
	}
	l := psListing()
	if c.Size {
		l.columns = append(l.columns, "Size")
	}
	return errors.Join(l.write(a.stdout, c.Format, rows), damaged)
}

// wanted are the containers that flags and filters ask for, the newest first.
func (c *PsCmd) wanted(list []lifecycle.Container, filters *psFilters) []lifecycle.Container {
	last := c.Last
	if c.Latest && last < 0 {
		last = 1
	}
	whatever := c.All || last > 0 || filters.all()
	list = slices.DeleteFunc(list, func(ct lifecycle.Container) bool {
		return !whatever && !ct.State.Status.Alive() || !filters.fits(ct)
	})
	if last > 0 && len(list) > last {
		list = list[:last]
	}
	return list
}

// statusOf says what a container does in Docker's words. Since when a damaged one does so,
// nothing tells.
func statusOf(ct lifecycle.Container, now time.Time) string {
	s := ct.State
	switch {
	case ct.Damage != nil && s.Status == lifecycle.Running:
		return "Up (damaged)"
	case ct.Damage != nil:
		return "Dead (damaged)"
	}
	switch s.Status {
	case lifecycle.Running:
		return "Up " + units.HumanDuration(now.Sub(s.Started)) + healthOf(s.Health)
	case lifecycle.Paused:
		return "Up " + units.HumanDuration(now.Sub(s.Started)) + " (Paused)"
	case lifecycle.Exited:
		return fmt.Sprintf("Exited (%d) %s ago", s.ExitCode, units.HumanDuration(now.Sub(s.Finished)))
	case lifecycle.Restarting:
		return fmt.Sprintf("Restarting (%d) %s ago", s.ExitCode, units.HumanDuration(now.Sub(s.Finished)))
	case lifecycle.Dead:
		return "Dead"
	case lifecycle.Created:
	}
	return "Created"
}

func healthOf(h *lifecycle.Health) string {
	if h == nil {
		return ""
	}
	if h.Status == lifecycle.HealthStarting {
		return " (health: starting)"
	}
	return " (" + string(h.Status) + ")"
}

// containersOf names the containers that stand on an image.
func (a *app) containersOf(_ context.Context, image digest.Digest) ([]string, error) {
	all, err := a.containers("rmi")
	if err != nil {
		return nil, err
	}
	list, err := all.List()
	var names []string
	for _, ct := range list {
		if ct.ImageID == image.String() {
			names = append(names, ct.Name)
		}
		if ct.Damage != nil && ct.Damage.NoImage {
			err = errors.Join(err, fmt.Errorf("container %s may use it: %w", lifecycle.Short(ct.ID), ct.Damage))
		}
	}
	return names, err
}
