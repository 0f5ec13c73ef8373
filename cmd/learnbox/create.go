package main

import (
	"context"
	"errors"
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
	ct, err := c.keep(a.ctx, a, c.Words)
	if err != nil {
		return exitError{codeOf(err), a.fullDisk(a.asRoot("make containers", err))}
	}
	fmt.Fprintln(a.stdout, ct.ID)
	return nil
}

// keep makes a container of which nothing runs yet.
func (c *containerFlags) keep(ctx context.Context, a *app, words []string) (*created, error) {
	if os.Geteuid() != 0 {
		return nil, fs.ErrPermission
	}
	unix.Umask(0o022)
	if err := c.freeCidfile(); err != nil {
		return nil, err
	}
	all, err := a.containers("create")
	if err != nil {
		return nil, err
	}
	ct, err := c.make(ctx, a, all, words, nil)
	if err != nil {
		return nil, err
	}
	return ct, ct.Keep(ct.record, ct.built.Spec)
}

// detach makes a container and starts it in the background.
func (c *RunCmd) detach(a *app) error {
	if c.stopsAnywhere() {
		return exitError{exitUsage, hintedError{errors.New("a run in the background cannot be stopped at a step"), "leave out -d"}}
	}
	ctx, stop := untilSignal(a.ctx)
	defer stop()
	ct, err := c.keep(ctx, a, c.Words)
	if err != nil {
		return err
	}
	if err := a.start(ct.ID, "run"); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, ct.ID)
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
	return err
}

// startOptions are those of a container that is there already.
func (a *app) startOptions(all *lifecycle.Containers, id string) (lifecycle.StartOptions, error) {
	record, config, err := all.Definition(id)
	if err != nil {
		return lifecycle.StartOptions{}, err
	}
	filter, err := a.seccompProfile(spec.Result{Spec: config, SeccompProfile: record.Seccomp})
	return lifecycle.StartOptions{
		Filter: filter, Unconfined: record.Seccomp == spec.SeccompUnconfined, OwnFilter: record.Seccomp != "",
	}, err
}
