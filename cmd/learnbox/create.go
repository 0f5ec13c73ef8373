package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/explain"
	"github.com/learnbox/learnbox/explain/stop"
	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/sandbox"
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
	_, ct, err := c.keep(a.ctx, a, c.Words)
	if err == nil {
		err = a.narrate.Run(stepOf("container.save"), func() error { return ct.Keep(ct.record, ct.built.Spec) })
	}
	if err != nil {
		return exitError{codeOf(err), a.fullDisk(a.asRoot("make containers", err))}
	}
	fmt.Fprintln(a.stdout, ct.ID)
	return nil
}

// keep makes a container of which nothing runs yet, up to the writing of its files.
func (c *containerFlags) keep(ctx context.Context, a *app, words []string) (all *lifecycle.Containers, ct *created, err error) {
	if os.Geteuid() != 0 {
		return nil, nil, fs.ErrPermission
	}
	unix.Umask(0o022)
	if err := c.freeCidfile(); err != nil {
		return nil, nil, err
	}
	if all, err = a.containers("create"); err == nil {
		ct, err = c.make(ctx, a, all, words, nil)
	}
	return all, ct, err
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
	all, ct, err := c.keep(ctx, a, c.Words)
	if err != nil {
		return err
	}
	if err := ct.Keep(ct.record, ct.built.Spec); err != nil {
		return err
	}
	o, err := a.optionsOf(ct.record, ct.built.Spec, ct.filter)
	if err == nil {
		err = a.startWith(all, ct.ID, "run", o)
	}
	if err := a.unlessGivenUp(ctx, ct.ID, err); err != nil {
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
	return a.startWith(all, id, verb, o)
}

func (a *app) startWith(all *lifecycle.Containers, id, verb string, o lifecycle.StartOptions) error {
	warnings, err := all.StartDetached(id, o)
	for _, w := range warnings {
		a.warn(verb, w)
	}
	if err == nil && a.teller != nil {
		<-a.teller.Running()
	}
	return err
}

// unlessGivenUp is the error of a start. A container that was given up before its program
// ran is removed.
func (a *app) unlessGivenUp(ctx context.Context, id string, err error) error {
	if err == nil || ctx.Err() == nil && !errors.Is(err, explain.ErrAborted) && !errors.Is(err, stop.ErrKilled) {
		return err
	}
	all, opened := a.containers("run")
	if opened != nil {
		return errors.Join(err, opened)
	}
	ct, found := all.Get(id)
	if found == nil {
		found = all.Remove(ct, true)
	}
	return errors.Join(endedBySignal(ctx, err), found)
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
	return a.optionsOf(record, config, filter)
}

func (a *app) optionsOf(r lifecycle.Record, config *specs.Spec, filter func() (sandbox.Filter, error)) (lifecycle.StartOptions, error) {
	return lifecycle.StartOptions{
		Narrate: a.narrate, Filter: filter,
		Unconfined: r.Seccomp == spec.SeccompUnconfined, OwnFilter: r.Seccomp != "",
	}, a.knowStart(r, config)
}
