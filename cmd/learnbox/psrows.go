package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/lifecycle"
)

func psListing() listing {
	return listing{
		headings: row{
			"ID": "CONTAINER ID", "Image": "IMAGE", "Command": "COMMAND", "RunningFor": "CREATED", "CreatedAt": "CREATED AT",
			"Status": "STATUS", "State": "STATE", "Ports": "PORTS", "Names": "NAMES", "Labels": "LABELS", "Size": "SIZE",
			"Mounts": "MOUNTS", "Networks": "NETWORKS", "LocalVolumes": "LOCAL VOLUMES",
		},
		columns: []string{"ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names"},
	}
}

// rows makes one line for each container. What takes reading more than its two small
// files is looked up only if it will be printed. A container of which that cannot be read has
// its line, too, and the error joins one for each.
func (c *PsCmd) rows(a *app, list []lifecycle.Container) ([]row, error) {
	var rows []row
	var failed []error
	for _, ct := range list {
		r := c.row(ct, time.Now())
		if err := c.addMore(a, ct, r); err != nil && ct.Damage == nil { // a damaged one may have no more
			if _, gone := os.Stat(filepath.Join(a.root, "containers", ct.ID)); errors.Is(gone, fs.ErrNotExist) {
				continue // removed since it was listed
			}
			if a.ctx.Err() != nil {
				return nil, err
			}
			failed = append(failed, fmt.Errorf("container %s: %w", lifecycle.Short(ct.ID), err))
		}
		rows = append(rows, r)
	}
	return rows, errors.Join(failed...)
}

func (c *PsCmd) addMore(a *app, ct lifecycle.Container, r row) error {
	prints := func(field string) bool {
		return c.Format == "json" || strings.Contains(c.Format, "json .") || strings.Contains(c.Format, "."+field)
	}
	if c.Size && !c.Quiet || strings.Contains(c.Format, ".Size") {
		own, whole, err := a.containerSize(a.ctx, ct)
		if err != nil {
			return err
		}
		r["Size"] = fmt.Sprintf("%s (virtual %s)", humanSize(own), humanSize(whole))
	}
	if prints("Mounts") || prints("Networks") {
		return c.addConfig(a, ct, r)
	}
	return nil
}

func humanSize(bytes int64) string { return units.HumanSizeWithPrecision(float64(bytes), 3) }

// addConfig adds what only config.json tells.
func (c *PsCmd) addConfig(a *app, ct lifecycle.Container, r row) error {
	all, err := lifecycle.Open(a.root, a.runDir)
	if err != nil {
		return err
	}
	_, spec, err := all.Definition(ct.ID)
	if err != nil {
		return err
	}
	d := described{Container: ct, spec: spec, image: &imageConfig{}, dir: filepath.Join(a.root, "containers", ct.ID)}
	var mounts []string
	for _, m := range d.mounts() {
		if m.Type == "bind" || m.Type == "volume" {
			mounts = append(mounts, c.shorten(firstOf(m.Name, m.Source), 15))
		}
	}
	r["Mounts"] = strings.Join(mounts, ",")
	r["Networks"] = "none"
	if d.mode(specs.NetworkNamespace, "host") == "host" {
		r["Networks"] = "host"
	}
	return nil
}

// shorten cuts a text to n characters, the last of which says so.
func (c *PsCmd) shorten(text string, n int) string {
	if r := []rune(text); !c.NoTrunc && len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return text
}

func (c *PsCmd) row(ct lifecycle.Container, now time.Time) row {
	id := ct.ID
	if !c.NoTrunc {
		id = lifecycle.Short(id)
	}
	var labels []string
	for _, name := range slices.Sorted(maps.Keys(ct.Labels)) {
		labels = append(labels, name+"="+ct.Labels[name])
	}
	return row{
		"ID": id, "Image": ct.Image, "Command": strconv.Quote(c.shorten(commandLine(ct.Args), 20)),
		"RunningFor": units.HumanDuration(now.Sub(ct.Created)) + " ago", "CreatedAt": ct.Created.Local().Truncate(time.Second).String(),
		"Status": statusOf(ct, now), "State": string(ct.State.Status), "Ports": "", "Names": ct.Name,
		"Labels": strings.Join(labels, ","), "Size": "0B", "Mounts": "", "Networks": "", "LocalVolumes": strconv.Itoa(len(ct.Volumes)),
	}
}

// commandLine quotes an argument with blanks as Docker does, which is not how a
// shell would have it.
func commandLine(args []string) string {
	words := slices.Clone(args)
	for i, w := range words {
		if i > 0 && strings.Contains(w, " ") {
			words[i] = "'" + w + "'"
		}
	}
	return strings.Join(words, " ")
}
