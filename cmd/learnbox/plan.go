package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/pull"
	"github.com/learnbox/learnbox/pull/store"
	"github.com/learnbox/learnbox/sandbox"
	"github.com/learnbox/learnbox/sandbox/spec"
	"github.com/learnbox/learnbox/unpack"
)

// PlanCmd is "learnbox plan".
type PlanCmd struct {
	runFlags
	imageFlags
	asRunFlags
	JSON  bool     `name:"json" help:"Print a JSON object a line."`
	Words []string `arg:"" passthrough:"" complete:"image" placeholder:"IMAGE [COMMAND [ARG...]]" help:"The image, and what to run in it instead of the image's own command."`
}

// Help is printed below the flags.
func (PlanCmd) Help() string {
	return `Takes the flags of run, and prints the steps that it would take with them, each
with what it works on. + is a step that would be taken, - one that would not; the
flag that decides about it stands behind. Nothing is done, and nothing is
pulled: if the image is not here, what it says about the program is not known.

Examples:
  learnbox plan tiny
  learnbox plan -it --read-only -v /srv:/srv alpine
  learnbox plan --network host tiny`
}

// A planned is one step of a plan.
type planned struct {
	ID     string   `json:"id"`
	Title  string   `json:"title"`
	Why    string   `json:"why"`
	Needed bool     `json:"needed"`
	Args   []string `json:"args,omitempty"`
	Flag   string   `json:"flag,omitempty"`
	Adds   bool     `json:"-"`
}

// Run does the verb.
func (c *PlanCmd) Run(a *app) error {
	if err := unknownFlag(c.Words); err != nil {
		return err
	}
	steps, err := c.plan(a.ctx, a)
	if err != nil {
		return err
	}
	taken := 0
	for _, s := range steps {
		if s.Needed {
			taken++
		}
		if c.JSON {
			if err := json.NewEncoder(a.stdout).Encode(s); err != nil {
				return fmt.Errorf("print JSON: %w", err)
			}
			continue
		}
		s.print(a.stdout)
	}
	if !c.JSON {
		fmt.Fprintf(a.stdout, "\n%d steps would be taken, %d not. Nothing was done.\n", taken, len(steps)-taken)
	}
	return nil
}

// plan is what run would do, without doing it.
func (c *PlanCmd) plan(ctx context.Context, a *app) ([]planned, error) {
	img, err := a.findOnly(ctx, c.Words[0])
	here := err == nil
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	rootfs, flat := unpack.Path(a.rootfsDir(), img.Layers)
	pulls := !here || c.Pull == pullAlways
	steps := []planned{
		outside(pull.ResolveStep(), true, narrate.Plain(c.Words[0])),
		outside(pull.FetchStep(), pulls, "from the registry"),
		outside(unpack.Step(), !flat || pulls, "into "+a.rootfsDir()),
		outside(lifecycle.CreateStep(), true, "below "+filepath.Join(a.root, "containers")),
	}
	monitor, err := c.monitor(img)
	if err != nil {
		return nil, err
	}
	steps = append(steps, monitor)
	if !here {
		a.warn("plan", "the image is not here: its user, program and environment are not known, so those below are those of an empty one")
		img.Config.Config.Cmd = []string{"(the image's own)"}
		rootfs = filepath.Join(a.rootfsDir(), "…")
	}
	dir := filepath.Join(a.root, "containers", noID)
	built, err := c.build(a, noID, dir, img, rootfs, c.Words[1:])
	if err != nil {
		return nil, err
	}
	outline, err := outlineOf(c.PID == "host", built, dir, rootfs)
	if err != nil {
		return nil, err
	}
	for _, s := range outline {
		steps = append(steps, c.inside(s, built))
	}
	return append(steps, outside(lifecycle.ExitStep(), true)), nil
}

// monitor is the step that a container needs which is to stay when its command goes.
func (c *PlanCmd) monitor(img store.Image) (planned, error) {
	w, err := c.watch(c.Rm)
	if err == nil {
		err = w.add(img.RawConfig)
	}
	like := containerFlags{runFlags: c.runFlags, Rm: c.Rm, detached: c.Detach, left: !c.SigProxy}
	p := outside(lifecycle.MonitorStep(), like.outlives(w), lifecycle.MonitorName)
	if p.Flag = "--rm"; c.Rm && p.Needed {
		p.Flag, p.Adds = "-t, -d, --no-sig-proxy, or a check of its health", true
	}
	return p, err
}

// findOnly is findImage without side effects: tiny is not put into the store.
func (a *app) findOnly(ctx context.Context, word string) (store.Image, error) {
	s, err := store.Open(a.imagesDir()) //nolint:contextcheck // it makes a directory, which nobody cancels
	if err != nil {
		return store.Image{}, a.asRoot("read the images", err)
	}
	return s.Find(ctx, word)
}

func outside(s narrate.Step, needed bool, args ...string) planned {
	p := planned{ID: s.ID, Title: s.Title, Why: s.Why, Needed: needed}
	if needed {
		p.Args = args
	}
	return p
}

// inside is a step of the table. Steps without a flag that are left out are so
// because of this machine, as ns.cgroup on version 1.
func (c *PlanCmd) inside(s sandbox.Outlined, built spec.Result) planned {
	p := planned{ID: s.ID, Title: s.Title, Why: s.Why, Needed: s.Needed, Flag: s.Flag, Adds: s.Adds}
	if s.Needed {
		p.Args = s.Args()
	}
	words := []string{noID, "ID", noID[:12], "ID"}
	for _, v := range built.Volumes {
		if v.Anonymous {
			words = append(words, v.Name, "NEW")
		}
	}
	for i, arg := range p.Args {
		p.Args[i] = strings.NewReplacer(words...).Replace(arg)
	}
	if s.ID == "container.save" && c.Rm {
		p.Args = []string{"removed at the end (--rm)"}
	}
	if s.ID == "init.wait" && built.SeccompProfile != "" {
		p.Args = []string{"seccomp=" + built.SeccompProfile}
	}
	return p
}

func (s planned) print(w io.Writer) {
	sign, mark := "+", ""
	if !s.Needed {
		sign = "-"
	}
	switch {
	case s.Flag == "" && !s.Needed && strings.HasPrefix(s.ID, "image."):
		mark = "(here already)"
	case s.Flag == "" && !s.Needed:
		mark = "(not on this machine)"
	case s.Adds && s.Needed, !s.Adds && !s.Needed:
		mark = "(" + s.Flag + ")"
	case s.Adds:
		mark = "(added by " + s.Flag + ")"
	}
	fmt.Fprintf(w, "%s %-17s %s\n", sign, s.ID, strings.TrimSpace(s.Title+"  "+mark))
	for _, arg := range s.Args {
		for i, l := range narrate.Wrap(narrate.Plain(arg), 58) {
			if i > 0 {
				l = "  " + l
			}
			fmt.Fprintf(w, "%20s%s\n", "", l)
		}
	}
}
