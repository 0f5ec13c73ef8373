package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/learnbox/learnbox/lifecycle"
)

// ContainerCmd holds Docker's long names of verbs that it has short ones for, and
// prune, which has none.
type ContainerCmd struct {
	Attach  AttachCmd  `cmd:"" help:"Connect this terminal to a running container"`
	Cp      CpCmd      `cmd:"" help:"Copy files out of a container, or into it"`
	Create  CreateCmd  `cmd:"" help:"Make a container and start nothing"`
	Diff    DiffCmd    `cmd:"" help:"List what a container has changed in its files"`
	Exec    ExecCmd    `cmd:"" help:"Run another program in a running container"`
	Inspect InspectCmd `cmd:"" help:"Show everything that is known about a container, as JSON"`
	Kill    KillCmd    `cmd:"" help:"Send a signal to containers"`
	Logs    LogsCmd    `cmd:"" help:"Show what a container has said"`
	Ls      PsCmd      `cmd:"" aliases:"list,ps" help:"List containers"`
	Pause   PauseCmd   `cmd:"" help:"Freeze all processes of containers"`
	Port    PortCmd    `cmd:"" help:"List the published ports of a container"`
	Prune   PruneCmd   `cmd:"" help:"Remove all containers that are at rest"`
	Rename  RenameCmd  `cmd:"" help:"Give a container another name"`
	Restart RestartCmd `cmd:"" help:"Stop containers and start them again"`
	Rm      RmCmd      `cmd:"" help:"Remove containers"`
	Run     RunCmd     `cmd:"" help:"Run a program in a new container"`
	Start   StartCmd   `cmd:"" help:"Start containers that are at rest"`
	Stats   StatsCmd   `cmd:"" help:"Show what containers use"`
	Stop    StopCmd    `cmd:"" help:"Ask programs to end, and kill those that do not"`
	Top     TopCmd     `cmd:"" help:"Show the processes of a container"`
	Unpause UnpauseCmd `cmd:"" help:"Let paused containers go on"`
	Update  UpdateCmd  `cmd:"" help:"Change the limits of containers"`
	Wait    WaitCmd    `cmd:"" help:"Wait for programs to end and print their exit codes"`
}

// Help is printed below the verbs.
func (ContainerCmd) Help() string {
	return `Examples:
  learnbox container run --rm tiny ls
  learnbox container ls -a
  learnbox container prune`
}

// PruneCmd is "learnbox container prune".
type PruneCmd struct {
	Force  bool     `short:"f" help:"Do not ask."`
	Filter []string `sep:"none" placeholder:"KEY=VALUE" help:"Remove only what fits: until=24h, label, label!; may be repeated."`
}

// Help is printed below the flags.
func (PruneCmd) Help() string {
	return `What the containers wrote goes with them. until=24h spares those made since.

Examples:
  learnbox container prune
  learnbox container prune -f --filter until=24h --filter label!=keep`
}

// Run does the verb.
func (c *PruneCmd) Run(a *app) error {
	fits, err := c.filters(time.Now())
	if err != nil {
		return err
	}
	all, err := a.containers("container prune")
	if err != nil {
		return a.asRoot("remove containers", err)
	}
	if !c.Force && !sure(a, "This will remove all stopped containers.") {
		return nil
	}
	list, swept, damaged := all.Survey()
	failed := []error{swept, damaged}
	var removed []string
	var bytes int64
	for _, ct := range list {
		if ct.State.Status.Alive() || ct.Damage != nil || !fits(ct) { // a damaged one goes by rm -f alone
			continue
		}
		own, _, sizeErr := a.containerSize(a.ctx, ct)
		err := all.Remove(ct, false)
		switch {
		case errors.Is(err, lifecycle.ErrRunning), errors.Is(err, lifecycle.ErrNotFound): // started or removed meanwhile
		case err != nil:
			failed = append(failed, fmt.Errorf("%s: %w", ct.Name, err))
		default:
			removed = append(removed, ct.ID)
			if sizeErr == nil {
				bytes += own
			}
		}
	}
	if len(removed) > 0 {
		fmt.Fprintf(a.stdout, "Deleted Containers:\n%s\n\n", strings.Join(removed, "\n"))
	}
	all.Journal().Tell(lifecycle.NewEvent("container", "prune", "", "reclaimed", strconv.FormatInt(bytes, 10)))
	fmt.Fprintf(a.stdout, "Total reclaimed space: %s\n", humanSize(bytes))
	return errors.Join(failed...)
}

// sure asks as Docker does; everything but yes is no.
func sure(a *app, warning string) bool {
	io.WriteString(a.stdout, "WARNING! "+warning+"\nAre you sure you want to continue? [y/N] ") //nolint:errcheck // nobody to tell
	answer, _ := bufio.NewReader(a.stdin).ReadString('\n')
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}

// filters reads the filters: all must fit.
func (c *PruneCmd) filters(now time.Time) (fits func(lifecycle.Container) bool, err error) {
	until := now
	labels, err := pruneFilters(c.Filter, "until=24h, label=NAME[=VALUE] and label!=NAME[=VALUE]", func(key, value string) error {
		if key != "until" {
			return errUnknownFilter
		}
		age, err := time.ParseDuration(value)
		until = now.Add(-age)
		if err != nil {
			return usageError("filter until=%s: want a duration, as in 24h or 10m", value)
		}
		return nil
	})
	return func(ct lifecycle.Container) bool { return !ct.Created.After(until) && labels(ct.Labels) }, err
}

var errUnknownFilter = errors.New("unknown filter")

// pruneFilters reads what --filter of any prune takes: label and label!. The others
// are the caller's; known is what there is.
func pruneFilters(words []string, known string, other func(key, value string) error) (fits func(labels map[string]string) bool, err error) {
	var want, not psFilters
	for _, f := range words {
		key, value, ok := strings.Cut(f, "=")
		switch {
		case !ok:
			return nil, usageError("filter %q: want KEY=VALUE", f)
		case key == "label":
			want.labels = append(want.labels, value)
		case key == "label!":
			not.labels = append(not.labels, value)
		default:
			err := other(key, value)
			if errors.Is(err, errUnknownFilter) {
				err = exitError{exitUsage, hintedError{fmt.Errorf("unknown filter %q", key), "the filters are " + known}}
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return func(labels map[string]string) bool {
		return want.labelled(labels) && (len(not.labels) == 0 || !not.labelled(labels))
	}, nil
}
