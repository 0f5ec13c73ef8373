package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/learnbox/learnbox/lifecycle/volume"
)

// VolumePruneCmd is "learnbox volume prune".
type VolumePruneCmd struct {
	All    bool     `short:"a" help:"Remove those that have a name, too."`
	Force  bool     `short:"f" help:"Do not ask."`
	Filter []string `sep:"none" placeholder:"KEY=VALUE" help:"Remove only what fits: label, label!; may be repeated."`
}

// Help is printed below the flags.
func (VolumePruneCmd) Help() string {
	return `Removes the anonymous volumes that no container uses, running or not; with -a all
that no container uses. What is in them goes with them.

Examples:
  learnbox volume prune
  learnbox volume prune -a --filter label!=keep`
}

// Run does the verb.
func (c *VolumePruneCmd) Run(a *app) error {
	labels, err := pruneFilters(c.Filter, "label=NAME[=VALUE] and label!=NAME[=VALUE]", func(string, string) error { return errUnknownFilter })
	if err != nil {
		return err
	}
	all, err := a.volumeUsers("volume prune")
	if err != nil {
		return err
	}
	kind := "anonymous local"
	if c.All {
		kind = "all local"
	}
	if !c.Force && !sure(a, "This will remove "+kind+" volumes not used by at least one container.") {
		return nil
	}
	list, damaged := a.volumes().List()
	failed := []error{damaged}
	var removed []string
	var bytes int64
	for _, v := range list {
		if !c.All && !v.Anonymous() || !labels(v.Labels) {
			continue
		}
		size, sizeErr := treeSize(a.ctx, a.volumes().Data(v.Name))
		err := all.RemoveVolume(v.Name)
		_, used := errors.AsType[*volume.InUseError](err)
		switch {
		case used, errors.Is(err, volume.ErrNotFound): // or removed meanwhile
		case err != nil:
			failed = append(failed, fmt.Errorf("%s: %w", v.Name, a.asRoot("remove volumes", err)))
		default:
			removed = append(removed, v.Name)
			if sizeErr == nil {
				bytes += size
			}
		}
	}
	if len(removed) > 0 {
		fmt.Fprintf(a.stdout, "Deleted Volumes:\n%s\n\n", strings.Join(removed, "\n"))
	}
	fmt.Fprintf(a.stdout, "Total reclaimed space: %s\n", humanSize(bytes))
	return errors.Join(failed...)
}
