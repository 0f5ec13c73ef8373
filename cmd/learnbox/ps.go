package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/docker/go-units"
	digest "github.com/opencontainers/go-digest"

	"github.com/learnbox/learnbox/lifecycle"
)

// PsCmd is "learnbox ps".
type PsCmd struct {
	All     bool   `short:"a" help:"List those that have ended too."`
	Quiet   bool   `short:"q" help:"Print IDs only."`
	NoTrunc bool   `help:"Print IDs and commands in full."`
	Format  string `placeholder:"TEMPLATE" help:"Print each as json or through a Go template, like 'table {{.ID}}\t{{.Names}}'."`
}

// Help is printed below the flags.
func (PsCmd) Help() string {
	return `Examples:
  learnbox ps
  learnbox ps -a
  learnbox ps -aq
  learnbox ps --format '{{.Names}}: {{.Status}}'`
}

// Run does the verb.
func (c *PsCmd) Run(a *app) error {
	all, err := a.containers("ps")
	if err != nil {
		return a.asRoot("read the containers", err)
	}
	if err := all.Sweep(); err != nil {
		a.warn("ps", err.Error())
	}
	list, damaged := all.List()
	var rows []row
	for _, ct := range list {
		if !c.All && ct.State.Status != lifecycle.Running && ct.State.Status != lifecycle.Paused {
			continue
		}
		rows = append(rows, c.row(ct, time.Now()))
	}
	if c.Quiet && c.Format == "" {
		for _, r := range rows {
			fmt.Fprintln(a.stdout, r["ID"])
		}
		return damaged
	}
	if err := psListing().write(a.stdout, c.Format, rows); err != nil {
		return err
	}
	return damaged
}

func psListing() listing {
	return listing{
		headings: row{
			"ID": "CONTAINER ID", "Image": "IMAGE", "Command": "COMMAND", "RunningFor": "CREATED", "CreatedAt": "CREATED AT",
			"Status": "STATUS", "State": "STATE", "Ports": "PORTS", "Names": "NAMES",
		},
		columns: []string{"ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names"},
	}
}

func (c *PsCmd) row(ct lifecycle.Container, now time.Time) row {
	id, command := ct.ID, strings.Join(ct.Args, " ")
	if !c.NoTrunc {
		id = lifecycle.Short(id)
		if len(command) > 20 {
			command = command[:19] + "…"
		}
	}
	return row{
		"ID": id, "Image": ct.Image, "Command": fmt.Sprintf("%q", command),
		"RunningFor": units.HumanDuration(now.Sub(ct.Created)) + " ago", "CreatedAt": ct.Created.Local().String(),
		"Status": statusOf(ct.State, now), "State": string(ct.State.Status), "Ports": "", "Names": ct.Name,
	}
}

// statusOf says what a container does in Docker's words.
func statusOf(s lifecycle.State, now time.Time) string {
	switch s.Status {
	case lifecycle.Running:
		return "Up " + units.HumanDuration(now.Sub(s.Started))
	case lifecycle.Paused:
		return "Up " + units.HumanDuration(now.Sub(s.Started)) + " (Paused)"
	case lifecycle.Exited:
		return fmt.Sprintf("Exited (%d) %s ago", s.ExitCode, units.HumanDuration(now.Sub(s.Finished)))
	case lifecycle.Created:
	}
	return "Created"
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
	}
	return names, err
}
