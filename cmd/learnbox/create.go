package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/sandbox/spec"
)

// CreateCmd is "learnbox create".
type CreateCmd struct {
	containerFlags
	explainFlags
	Words []string `arg:"" passthrough:"" complete:"image" placeholder:"IMAGE [COMMAND [ARG...]]" help:"The image, and what to run in it instead of the image's own command."`
}

// Help is printed below the flags.
func (CreateCmd) Help() string {
	return `Makes a container as run does, and starts nothing. Its ID is printed.

Examples:
  learnbox create --name web -it alpine
  learnbox start web`
}

// Run does the verb. Its failures end with 125, or 1 as in Docker where the
// container could not be made.
func (c *CreateCmd) Run(a *app) error {
	if err := unknownFlag(c.Words); err != nil {
		return err
	}
	told, err := c.tell(a.ctx, a, c.Words[0], c.Quiet, &stopFlags{})
	if err != nil {
		return err
	}
	defer told()
	ct, err := c.draft(a.ctx, a, "create", c.Words, nil)
	if err == nil {
		err = a.narrate.Run(stepOf("container.save"), func() error { return ct.Keep(ct.record, ct.built.Spec) })
	}
	if err != nil {
		return exitError{codeOf(err), a.fullDisk(a.asRoot("make containers", err))}
	}
	return a.printID(ct.ID)
}

// draft makes a container, up to the writing of its files.
func (c *containerFlags) draft(ctx context.Context, a *app, verb string, words []string, placed func(*lifecycle.Draft, bool) error) (*created, error) {
	if os.Geteuid() != 0 {
		return nil, fs.ErrPermission
	}
	unix.Umask(0o022) // its files are for its users, whatever ours is
	if err := c.freeCidfile(); err != nil {
		return nil, err
	}
	all, err := a.containers(verb)
	if err != nil {
		return nil, err
	}
	return c.make(ctx, a, all, words, placed)
}

// detach makes a container and starts it in the background.
func (c *RunCmd) detach(a *app) error {
	ctx, done := untilSignal(a.ctx)
	defer done()
	told, err := c.tell(ctx, a, c.Words[0], c.Quiet, &c.stopFlags)
	if err != nil {
		return err
	}
	defer told()
	c.detached = true
	ct, err := c.draft(ctx, a, "run", c.Words, c.clone(ctx, a))
	if err == nil {
		_, err = ct.startDetached(ctx, a)
	}
	if err != nil {
		return endedBySignal(ctx, err)
	}
	if a.teller != nil {
		<-a.teller.Running()
	}
	return a.printID(ct.ID)
}

// printID prints the ID of a new container. The container stays if that cannot be
// printed, so the error has to name it.
func (a *app) printID(id string) error {
	if _, err := fmt.Fprintln(a.stdout, id); err != nil {
		return exitError{exitRun, fmt.Errorf("container %s is there, but its ID could not be printed: %w", id, err)}
	}
	return nil
}

// start starts a container that is at rest, with a monitor of its own.
func (a *app) start(id, verb string) error {
	all, err := a.containers(verb)
	if err != nil {
		return err
	}
	o, err := a.startOptions(all, id)
	if err != nil {
		return err
	}
	warnings, err := all.StartDetached(id, o)
	for _, w := range warnings {
		a.warn(verb, w)
	}
	if err == nil && a.teller != nil {
		<-a.teller.Running()
	}
	return err
}

// startOptions are those of a container that is there already.
func (a *app) startOptions(all *lifecycle.Containers, id string) (o lifecycle.StartOptions, err error) {
	record, config, err := all.Definition(id)
	if err != nil {
		return o, err
	}
	filter, err := a.seccompProfile(spec.Result{Spec: config, SeccompProfile: record.Seccomp})
	if err != nil {
		return o, err
	}
	return lifecycle.StartOptions{
		Narrate: a.narrate, Filter: filter,
		Unconfined: record.Seccomp == spec.SeccompUnconfined, OwnFilter: record.Seccomp != "",
	}, a.knowStart(record, config)
}
