package main

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/sandbox"
	"github.com/learnbox/learnbox/sandbox/spec"
	"github.com/learnbox/learnbox/sandbox/tty"
)

// created is a container with all its files, ready to start.
type created struct {
	*lifecycle.Draft
	record lifecycle.Record
	built  spec.Result
	filter func() (sandbox.Filter, error) // compiles the seccomp profile
	watch  watch

	outlives bool // it stays when this command goes
}

// make makes a container from an image and the flags. If there is something to do
// as soon as it has a place, then its first process comes up while its config.json
// is built.
func (c *containerFlags) make(ctx context.Context, a *app, all *lifecycle.Containers, words []string, placed func(d *lifecycle.Draft, outlives bool) error) (_ *created, err error) {
	watch, err := c.watch(c.Rm)
	if err != nil {
		return nil, err
	}
	img, rootfs, err := c.flattened(ctx, a, words[0])
	if err != nil {
		return nil, err
	}
	if err := watch.add(img.RawConfig); err != nil {
		return nil, err
	}
	draft, groups, err := c.place(ctx, a, all, rootfs)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, draft.Discard())
		}
	}()
	ct := &created{Draft: draft, watch: watch, outlives: c.outlives(watch) && a.without == nil}
	if placed != nil {
		if err := placed(draft, ct.outlives); err != nil {
			return nil, err
		}
	}
	if ct.built, err = c.build(a, draft.ID, draft.Dir, img, rootfs, words[1:]); err != nil {
		return nil, err
	}
	if placed != nil {
		r := lifecycle.Record{ID: draft.ID, Name: draft.Name, Rootfs: rootfs, OpenStdin: c.Interactive}
		if err := a.knowPlan(toldRun{Record: r, dir: draft.Dir, built: ct.built, groups: groups, monitored: ct.outlives, detached: c.detached}); err != nil {
			return nil, err
		}
	}
	if err := ct.furnish(ctx, a, rootfs); err != nil {
		return nil, err
	}
	ct.record = c.record(a, ct, words[0], img, rootfs)
	return ct, c.writeCidfile(draft.ID)
}

// place gives a container an ID, a name and a directory, and knows which directories its
// control group will be, if somebody tells of them.
func (c *containerFlags) place(ctx context.Context, a *app, all *lifecycle.Containers, rootfs string) (draft *lifecycle.Draft, groups []string, err error) {
	var noGroup error
	var calls []narrate.Call
	err = a.narrate.Run(lifecycle.CreateStep(), func() error {
		defer sandbox.TraceCalls(a.narrate, &calls)()
		if draft, err = all.New(ctx, c.Name); err == nil {
			if c.CgroupParent != "" {
				draft.Cgroup, noGroup = spec.CgroupPath(draft.ID, c.CgroupParent, "")
			}
			groups = c.know(a, draft, rootfs)
		}
		return err
	}, func(e *narrate.Event) { e.Calls = calls })
	if noGroup != nil {
		return nil, nil, errors.Join(noGroup, draft.Discard())
	}
	return draft, groups, err
}

// furnish makes the files that the container will see besides those of its image, and
// finds its filter.
func (ct *created) furnish(ctx context.Context, a *app, rootfs string) (err error) {
	for _, w := range ct.built.Warnings {
		a.warn("run", w)
	}
	if err := prepareSources(ct.built); err != nil {
		return err
	}
	if err := ct.Attach(ctx, wantedVolumes(ct.built), rootfs); err != nil {
		return err
	}
	if err := writeEtc(filepath.Join(ct.Dir, "etc"), ct.built.Etc); err != nil {
		return err
	}
	ct.filter, err = a.seccompProfile(ct.built)
	return err
}

// start starts the program. The terminal gets the size of the user's before
// the program can ask for it.
func (ct *created) start(ctx context.Context, a *app, proxy *signalProxy, terminal bool) (*lifecycle.Live, error) {
	var size tty.Size
	if terminal {
		size = a.terminalSize()
	}
	o := ct.startOptions(size)
	o.Without = a.without
	o.Filter = func() (sandbox.Filter, error) {
		defer func() { go proxy.receiveAll() }()
		return ct.filter()
	}
	live, err := ct.Start(ctx, ct.record, ct.built.Spec, o)
	if err != nil {
		return nil, err
	}
	for _, w := range live.Warnings {
		a.warn("run", w)
	}
	return live, nil
}

// startDetached starts it with a monitor of its own. There is an attachment if one was wanted.
func (ct *created) startDetached(ctx context.Context, a *app) (*lifecycle.Attachment, error) {
	at, warnings, err := ct.StartDetached(ctx, ct.record, ct.built.Spec, ct.startOptions(a.terminalSize()))
	for _, w := range warnings {
		a.warn("run", w)
	}
	return at, err
}

func (ct *created) startOptions(size tty.Size) lifecycle.StartOptions {
	return lifecycle.StartOptions{
		Filter: ct.filter, Size: size,
		Unconfined: ct.built.SeccompProfile == spec.SeccompUnconfined, OwnFilter: ct.built.SeccompProfile != "",
	}
}
