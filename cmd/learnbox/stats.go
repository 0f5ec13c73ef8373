package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/learnbox/learnbox/lifecycle"
)

// StatsCmd is "learnbox stats".
type StatsCmd struct {
	All        bool     `short:"a" help:"Show those that are at rest, too."`
	NoStream   bool     `help:"Show it once."`
	NoTrunc    bool     `help:"Print IDs in full."`
	Format     string   `placeholder:"FORMAT" help:"table, table TEMPLATE, json, or a Go template."`
	Containers []string `arg:"" optional:"" name:"container" placeholder:"CONTAINER" help:"Only these: names, IDs or beginnings of IDs."`
}

// Help is printed below the flags.
func (StatsCmd) Help() string {
	return `CPU % is of one processor, and of the time since the last showing; the first one
is of 60 ms, or of five periods of the longest CPU quota. Memory is without the
page cache that the kernel can drop at any time. -- is what nobody counts.

Examples:
  learnbox stats
  learnbox stats --no-stream web db
  learnbox stats -a --format 'table {{.Name}}\t{{.MemUsage}}'`
}

// KeepsSignals lets an interrupt end it at once.
func (StatsCmd) KeepsSignals() {}

// How far apart two readings are, between which processor time is measured: a second, and
// the first two only what a clock of 250 ticks a second needs. A container with a quota
// runs at the beginning of each of its periods and stands still for the rest: between
// readings that are some whole periods apart it shows its limit, wherever in a
// period the first one was.
const (
	firstInterval = 60 * time.Millisecond
	firstPeriods  = 5
	interval      = time.Second
)

// Run does the verb.
func (c *StatsCmd) Run(a *app) error {
	all, err := a.containers("stats")
	if err != nil {
		return a.asRoot("read the containers", err)
	}
	meter, err := all.Meter()
	if err != nil {
		return a.asRoot("read the containers", err)
	}
	list, err := c.list(all)
	if err != nil {
		return unknownContainer(a.asRoot("read the containers", err))
	}
	if c.Format == "" && !c.NoStream && isTerminalWriter(a.stdout) {
		io.WriteString(a.stdout, "\x1b[2J") //nolint:errcheck // the next write fails, too
	}
	t := statsTable{meter: meter, last: map[string]cpuReading{}, noTrunc: c.NoTrunc}
	for wait := max(firstInterval, firstPeriods*t.begin(list)); ; wait = interval {
		<-time.After(wait - time.Since(t.began))
		if err := c.show(a, t.rows(list)); err != nil || c.NoStream {
			return err
		}
		if list, err = c.list(all); len(list) == 0 && len(c.Containers) > 0 {
			return nil // all are gone
		}
		if err != nil && !errors.Is(err, lifecycle.ErrNotFound) {
			return err
		}
	}
}

// list are the containers that are asked for. One that is not there is an error; the
// others are there all the same.
func (c *StatsCmd) list(all *lifecycle.Containers) (list []lifecycle.Container, err error) {
	if len(c.Containers) == 0 {
		every, err := all.List()
		for _, ct := range every {
			if ct.Damage == nil && (c.All || ct.State.Status.Alive()) { // of a damaged one ps tells
				list = append(list, ct)
			}
		}
		return list, err
	}
	var missing []error
	for _, word := range c.Containers {
		ct, err := all.Find(word)
		if err != nil {
			missing = append(missing, err)
			continue
		}
		list = append(list, ct)
	}
	return list, errors.Join(missing...)
}

// show prints rows: on a terminal over those before, elsewhere below them.
func (c *StatsCmd) show(a *app, rows []row) error {
	if c.NoStream || c.Format != "" || !isTerminalWriter(a.stdout) {
		return statsListing().write(a.stdout, c.Format, rows)
	}
	var screen bytes.Buffer
	if err := statsListing().write(&screen, "", rows); err != nil {
		return err
	}
	const home, endOfLine, endOfScreen = "\x1b[H", "\x1b[K\n", "\x1b[J"
	text := bytes.ReplaceAll(screen.Bytes(), []byte("\n"), []byte(endOfLine))
	_, err := fmt.Fprintf(a.stdout, "%s%s%s", home, text, endOfScreen)
	return err
}

func statsListing() listing {
	return listing{
		headings: row{
			"Container": "CONTAINER", "ID": "CONTAINER ID", "Name": "NAME", "CPUPerc": "CPU %", "MemUsage": "MEM USAGE / LIMIT",
			"MemPerc": "MEM %", "NetIO": "NET I/O", "BlockIO": "BLOCK I/O", "PIDs": "PIDS",
		},
		columns: []string{"ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs"},
	}
}
