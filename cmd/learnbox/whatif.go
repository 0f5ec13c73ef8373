package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/explain/whatif"
	"github.com/learnbox/learnbox/sandbox"
)

// WhatifCmd is "learnbox whatif".
type WhatifCmd struct {
	Without []string `sep:"none" complete:"step" placeholder:"STEP" help:"The step to leave out; may be repeated."`
	JSON    bool     `name:"json" help:"Print the comparison as JSON."`
	runFlags
	imageFlags
	asRunFlags
	Words []string `arg:"" passthrough:"" complete:"image" placeholder:"IMAGE [COMMAND [ARG...]]" help:"The image, and what else to run both ways."`
}

// Help is printed below the flags.
func (WhatifCmd) Help() string {
	return `Takes the flags of run, but -i. The container is run twice, with the step and
without it. Both runs take place in a shield: namespaces and a control group
around those of the container, with the machine's files read-only. What goes
wrong hits the shield, and is gone with it. What belongs to no namespace, the
clock and most of /proc/sys, is not shielded. The exit code is 0 if the two
could be compared, whatever the container did.

Examples:
  learnbox whatif --without ns.uts tiny
  learnbox whatif --without rootfs.pivot tiny ls /
  learnbox whatif --without user.set -u 1000 tiny
  learnbox whatif --without ns.net --json tiny`
}

// Run does the verb.
func (c *WhatifCmd) Run(a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return a.asRoot("run containers", fs.ErrPermission)
	}
	unix.Umask(0o022)
	all, err := a.containers("whatif")
	if err != nil {
		return a.asRoot("run containers", err)
	}
	img, rootfs, err := c.flattened(a.ctx, a, c.Words[0])
	if err != nil {
		return err
	}
	t := trial{c: c, a: a, all: all, image: img.ID.String()}
	t.built, err = c.build(a, noID, a.root, img, rootfs, c.Words[1:]) // only the steps are looked at
	if err != nil {
		return err
	}
	outline, err := outlineOf(c.PID == "host", t.built, a.root, rootfs)
	if err != nil {
		return err
	}
	if err := c.taken(outline); err != nil {
		return err
	}
	result, err := t.compare()
	if err != nil {
		return a.fullDisk(err)
	}
	if c.JSON {
		e := json.NewEncoder(a.stdout)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(result)
	}
	return result.Print(a.stdout)
}

// check refuses what cannot be tried.
func (c *WhatifCmd) check() error {
	if err := unknownFlag(c.Words); err != nil {
		return err
	}
	if len(c.Without) == 0 {
		return exitError{exitUsage, hintedError{fmt.Errorf("which step is to be left out? say --without STEP"), "learnbox whatif --without ns.uts " + shellQuote(c.Words[0])}}
	}
	if c.Interactive {
		return usageError("-i: both runs would want to read what you type; leave it out")
	}
	for _, id := range c.Without {
		if !slices.Contains(stepIDs(), id) {
			return unknownStep(id)
		}
		if why := whatif.Reason(id); why != "" {
			return usageError("%s cannot be left out: %s", id, why)
		}
	}
	return nil
}

// taken makes sure that the run would take the steps at all.
func (c *WhatifCmd) taken(outline []sandbox.Outlined) error {
	for _, s := range outline {
		if slices.Contains(c.Without, s.ID) && !s.Needed {
			return exitError{exitUsage, hintedError{
				fmt.Errorf("this run does not take the step %s", s.ID),
				"what decides about it: " + decider(s),
			}}
		}
	}
	return nil
}
