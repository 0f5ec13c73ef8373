package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/learnbox/learnbox/explain/evidence"
	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/narrate"
)

// TopCmd is "learnbox top".
type TopCmd struct {
	Words []string `arg:"" passthrough:"" placeholder:"CONTAINER [PS-OPTION...]" help:"Which container, and options for ps(1) instead of -ef."`
}

// Help is printed below the flags.
func (TopCmd) Help() string {
	return `The machine's ps(1) tells about the container's processes, so their numbers are
those that the machine knows them by. One column must be PID.

Examples:
  learnbox top web
  learnbox top web aux
  learnbox top web -o pid,user,rss,args`
}

// Run does the verb.
func (c *TopCmd) Run(a *app) error {
	_, ct, err := a.knownContainer("top", c.Words[0])
	if err != nil {
		return unknownContainer(err)
	}
	if err := a.may(ct, c.Words[0], lifecycle.ToWatch); err != nil {
		return fmt.Errorf("%s: %w", c.Words[0], err)
	}
	options := c.Words[1:]
	if len(options) == 0 {
		options = []string{"-ef"}
	}
	var pids []string
	for _, p := range evidence.Processes("learnbox-" + ct.ID) {
		pids = append(pids, strconv.Itoa(p.Pid))
	}
	table, err := c.ps(a, append(slices.Clone(options), "-q", strings.Join(pids, ",")))
	if err != nil { // busybox's has no -q
		table, err = c.ps(a, options)
	}
	if err != nil {
		return err
	}
	return printTop(a.stdout, table, pids)
}

// ps runs the machine's ps, never one of the container's, and returns its lines.
func (c *TopCmd) ps(a *app, args []string) ([]string, error) {
	cmd := exec.CommandContext(a.ctx, "ps", args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		said, _, _ := strings.Cut(strings.TrimSpace(errs.String()), "\n")
		return nil, fmt.Errorf("ps %s: %s: %w", strings.Join(args, " "), said, err)
	}
	return strings.Split(strings.TrimRight(string(out), "\n"), "\n"), nil
}

// printTop prints the lines about the container's processes, in Docker's columns.
func printTop(w io.Writer, lines, pids []string) error {
	titles := strings.Fields(lines[0])
	column := slices.Index(titles, "PID")
	if column < 0 {
		return hintedError{errors.New("there is no column PID in what ps prints"), "add it, as in -o pid,comm"}
	}
	tab := tabwriter.NewWriter(w, 20, 1, 3, ' ', 0)
	fmt.Fprintln(tab, strings.Join(titles, "\t"))
	for _, line := range lines[1:] {
		fields := strings.Fields(line)
		if len(fields) < len(titles) || !slices.Contains(pids, fields[column]) {
			continue
		}
		last := len(titles) - 1 // a command has blanks
		row := append(slices.Clone(fields[:last]), strings.Join(fields[last:], " "))
		fmt.Fprintln(tab, narrate.Plain(strings.Join(row, "\t")))
	}
	return tab.Flush()
}
