package main

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/lifecycle/volume"
)

// VolumeLsCmd is "learnbox volume ls".
type VolumeLsCmd struct {
	Quiet  bool     `short:"q" help:"Print names only."`
	Filter []string `short:"f" sep:"none" placeholder:"KEY=VALUE" help:"List only what fits: name, label, driver, dangling; may be repeated."`
	Format string   `placeholder:"FORMAT" help:"table, table TEMPLATE, json, or a Go template."`
}

// Help is printed below the flags.
func (VolumeLsCmd) Help() string {
	return `A dangling volume is one that no container uses. Names are regular expressions.

Examples:
  learnbox volume ls
  learnbox volume ls -q -f dangling=true
  learnbox volume ls --format '{{.Name}}: {{.Mountpoint}}'`
}

// Run does the verb.
func (c *VolumeLsCmd) Run(a *app) error {
	f, err := parseVolumeFilters(c.Filter)
	if err != nil {
		return err
	}
	all, err := a.volumeUsers("volume ls")
	if err != nil {
		return err
	}
	var used map[string]bool
	if f.dangling != nil {
		if used, err = usedVolumes(all); err != nil {
			return err
		}
	}
	list, damaged := a.volumes().List()
	list = slices.DeleteFunc(list, func(v volume.Volume) bool { return !f.fits(v, used) })
	if c.Quiet && c.Format == "" {
		for _, v := range list {
			fmt.Fprintln(a.stdout, v.Name)
		}
		return a.asRoot("read the volumes", damaged)
	}
	var rows []row
	for _, v := range list {
		rows = append(rows, a.volumeRow(v))
	}
	l := listing{
		headings: row{
			"Driver": "DRIVER", "Name": "VOLUME NAME", "Scope": "SCOPE", "Mountpoint": "MOUNTPOINT", "Labels": "LABELS", "Links": "LINKS",
			"Size": "SIZE", "Availability": "AVAILABILITY", "Group": "GROUP", "Status": "STATUS",
		},
		columns: []string{"Driver", "Name"},
	}
	return errors.Join(l.write(a.stdout, c.Format, rows), a.asRoot("read the volumes", damaged))
}

// volumeRow makes one line. What Docker does not know of a volume is N/A here as there.
func (a *app) volumeRow(v volume.Volume) row {
	var labels []string
	for _, name := range slices.Sorted(maps.Keys(v.Labels)) {
		labels = append(labels, name+"="+v.Labels[name])
	}
	const none = "N/A"
	return row{
		"Driver": "local", "Name": v.Name, "Scope": "local", "Mountpoint": a.volumes().Data(v.Name), "Labels": strings.Join(labels, ","),
		"Links": none, "Size": none, "Availability": none, "Group": none, "Status": none,
	}
}

// usedVolumes are the names of all volumes of containers.
func usedVolumes(all *lifecycle.Containers) (map[string]bool, error) {
	list, err := all.List()
	used := map[string]bool{}
	for _, ct := range list {
		for _, v := range ct.Volumes {
			used[v.Name] = true
		}
		if ct.Damage != nil && ct.Damage.NoVolumes {
			err = errors.Join(err, fmt.Errorf("container %s may use any: %w", lifecycle.Short(ct.ID), ct.Damage))
		}
	}
	return used, err
}

// volumeFilters are what --filter asks for: values of one key are alternatives, but for
// labels, of which a volume must have all.
type volumeFilters struct {
	names    []*regexp.Regexp
	drivers  []string
	labels   psFilters
	dangling *bool
}

func parseVolumeFilters(words []string) (volumeFilters, error) {
	var f volumeFilters
	for _, w := range words {
		key, value, ok := strings.Cut(w, "=")
		switch {
		case !ok:
			return f, usageError("filter %q: want KEY=VALUE", w)
		case key == "name":
			pattern, err := regexp.Compile(value)
			if err != nil {
				return f, usageError("filter %s=%s: %w", key, value, err)
			}
			f.names = append(f.names, pattern)
		case key == "driver":
			f.drivers = append(f.drivers, value)
		case key == "label":
			f.labels.labels = append(f.labels.labels, value)
		case key == "dangling":
			b, err := strconv.ParseBool(value)
			if err != nil {
				return f, usageError("filter dangling=%s: it is true or false", value)
			}
			f.dangling = &b
		default:
			return f, exitError{exitUsage, hintedError{fmt.Errorf("unknown filter %q", key), "the filters are name label driver dangling"}}
		}
	}
	return f, nil
}

func (f volumeFilters) fits(v volume.Volume, used map[string]bool) bool {
	named := len(f.names) == 0 || slices.ContainsFunc(f.names, func(p *regexp.Regexp) bool { return p.MatchString(v.Name) })
	driven := len(f.drivers) == 0 || slices.Contains(f.drivers, "local")
	return named && driven && f.labels.labelled(v.Labels) && (f.dangling == nil || *f.dangling != used[v.Name])
}
