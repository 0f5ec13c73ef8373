package main

import (
	"context"
	"fmt"
	"maps"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"

	"github.com/learnbox/learnbox/pull/name"
	"github.com/learnbox/learnbox/pull/store"
)

// none is Docker's word for a tag or digest that is not there.
const none = "<none>"

// ImagesCmd is "learnbox images".
type ImagesCmd struct {
	All     bool     `short:"a" help:"Accepted for Docker's sake: there are no intermediate images here."`
	Digests bool     `help:"Show the digests of the manifests."`
	Filter  []string `short:"f" sep:"none" placeholder:"KEY=VALUE" help:"List only what fits: reference=PATTERN, dangling=true|false; may be repeated."`
	Format  string   `placeholder:"FORMAT" help:"table, table TEMPLATE, json, or a Go template."`
	NoTrunc bool     `help:"Show IDs in full."`
	Quiet   bool     `short:"q" help:"Print IDs only."`
	Name    string   `arg:"" optional:"" complete:"image" placeholder:"REPOSITORY[:TAG]" help:"List only these; * and ? are wildcards."`
}

// Help is printed below the flags.
func (ImagesCmd) Help() string {
	return `Examples:
  learnbox images
  learnbox images alpine
  learnbox images --filter reference='*box:1*'
  learnbox images -q --no-trunc
  learnbox images --format '{{.Repository}}:{{.Tag}} {{.Size}}'
  learnbox images --format json`
}

// Run does the verb.
func (c *ImagesCmd) Run(a *app) error {
	patterns, dangling, err := c.filters()
	if err != nil {
		return err
	}
	s, err := a.openStore()
	if err != nil {
		return err
	}
	images, err := s.Images(a.ctx)
	if err != nil {
		return fmt.Errorf("list images: %w", err)
	}
	var rows []row
	for _, img := range images {
		if dangling != nil && *dangling != (len(img.Names) == 0 && len(img.RepoDigests) == 0) {
			continue
		}
		imgRows, err := c.rows(a.ctx, a, img, patterns)
		if err != nil {
			return err
		}
		rows = append(rows, imgRows...)
	}
	return c.print(a, rows)
}

func (c *ImagesCmd) print(a *app, rows []row) error {
	if c.Quiet && c.Format == "" {
		for _, r := range rows {
			fmt.Fprintln(a.stdout, r["ID"])
		}
		return nil
	}
	l := listing{
		headings: row{
			"ID": "IMAGE ID", "Repository": "REPOSITORY", "Tag": "TAG", "Digest": "DIGEST",
			"CreatedSince": "CREATED", "CreatedAt": "CREATED AT", "Size": "SIZE",
			"Containers": "CONTAINERS", "VirtualSize": "SIZE", "SharedSize": "SHARED SIZE", "UniqueSize": "UNIQUE SIZE",
		},
		columns: []string{"Repository", "Tag", "ID", "CreatedSince", "Size"},
	}
	if c.Digests {
		l.columns = []string{"Repository", "Tag", "Digest", "ID", "CreatedSince", "Size"}
	}
	return l.write(a.stdout, c.Format, rows)
}

// filters reads the argument and the filters.
func (c *ImagesCmd) filters() (patterns []string, dangling *bool, err error) {
	if c.Name != "" {
		patterns = append(patterns, c.Name)
	}
	for _, f := range c.Filter {
		key, value, _ := strings.Cut(f, "=")
		switch key {
		case "reference":
			patterns = append(patterns, value)
		case "dangling":
			b, err := strconv.ParseBool(value)
			if err != nil {
				return nil, nil, usageError("filter dangling=%s: it is true or false", value)
			}
			dangling = &b
		default:
			return nil, nil, exitError{exitUsage, hintedError{fmt.Errorf("unknown filter %q", key), "the filters are reference=PATTERN and dangling=true|false"}}
		}
	}
	for _, p := range patterns {
		if _, err := path.Match(p, ""); err != nil {
			return nil, nil, usageError("pattern %q: %w", p, err)
		}
	}
	return patterns, dangling, nil
}

// rows makes one line for each name of img, or for an image without a name one
// line for each digest it was pulled by, or one for its ID.
func (c *ImagesCmd) rows(ctx context.Context, a *app, img store.Image, patterns []string) ([]row, error) {
	size, err := a.imageSize(ctx, img)
	if err != nil {
		return nil, err
	}
	base := c.baseRow(img, size)
	var rows []row
	for _, n := range listedNames(img) {
		if len(patterns) > 0 && (n.ref == name.Ref{} || !matchesAny(n.ref, patterns)) {
			continue
		}
		r := maps.Clone(base)
		r["Repository"], r["Tag"] = n.repository, n.tag
		if r["Digest"] = none; n.digest != "" && (c.Digests || c.Format != "") {
			r["Digest"] = n.digest
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func (c *ImagesCmd) baseRow(img store.Image, size int64) row {
	r := row{
		"ID": img.ID.String(), "Containers": "N/A", "SharedSize": "N/A", "UniqueSize": "N/A",
		"CreatedAt": time.Time{}.UTC().String(), "CreatedSince": "N/A",
		"Size":        units.HumanSizeWithPrecision(float64(size), 3),
		"VirtualSize": units.HumanSize(float64(size)),
	}
	if !c.NoTrunc {
		r["ID"] = shortID(img.ID)
	}
	if t := img.Config.Created; t != nil && !t.IsZero() {
		r["CreatedAt"] = t.Local().Truncate(time.Second).String()
		r["CreatedSince"] = units.HumanDuration(time.Since(*t)) + " ago"
	}
	return r
}

// A listedName is one line's share of an image: a name and the digest it had in its registry.
type listedName struct {
	ref                     name.Ref
	repository, tag, digest string
}

func listedNames(img store.Image) []listedName {
	digests := map[string]string{} // by repository
	var names []listedName
	for _, d := range img.RepoDigests {
		if ref, err := name.Parse(d); err == nil {
			digests[ref.Repository()] = ref.Digest.String()
		}
	}
	for _, n := range img.Names {
		if ref, err := name.Parse(n); err == nil && ref.Tag != "" {
			names = append(names, listedName{ref, ref.FamiliarRepository(), ref.Tag, digests[ref.Repository()]})
		}
	}
	if len(names) > 0 {
		return names
	}
	for _, d := range img.RepoDigests {
		if ref, err := name.Parse(d); err == nil {
			names = append(names, listedName{ref, ref.FamiliarRepository(), none, digests[ref.Repository()]})
		}
	}
	if len(names) == 0 {
		names = []listedName{{name.Ref{}, none, none, ""}}
	}
	return names
}

// matchesAny compares as Docker does: a pattern may have a tag or not, so alpine
// and *:3.20 both fit alpine:3.20.
func matchesAny(ref name.Ref, patterns []string) bool {
	for _, p := range patterns {
		for _, short := range []string{ref.Familiar(), ref.FamiliarRepository()} {
			if ok, err := path.Match(p, short); err == nil && ok {
				return true
			}
		}
	}
	return false
}
