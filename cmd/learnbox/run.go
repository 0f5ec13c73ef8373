package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/learnbox/learnbox/explain/stop"
	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/narrate"
)

// RunCmd is "learnbox run".
type RunCmd struct {
	containerFlags
	Detach   bool `short:"d" help:"Run in the background and print the container's ID."`
	SigProxy bool `default:"true" negatable:"" help:"Pass signals on to the program (--no-sig-proxy does not)."`
	detachFlags
	explainFlags
	stopFlags
	Words []string `arg:"" passthrough:"" complete:"image" placeholder:"IMAGE [COMMAND [ARG...]]" help:"The image, and what to run in it instead of the image's own command."`
}

// containerFlags are Docker's flags for every verb that makes a container.
type containerFlags struct {
	runFlags
	Rm      bool   `name:"rm" help:"Remove the container when its program has ended."`
	Name    string `placeholder:"NAME" help:"Name of the container; a random one without it."`
	Cidfile string `placeholder:"FILE" help:"Write the container's ID to this new file."`
	imageFlags

	detached bool // by run -d
	left     bool // to itself when a signal ends its command: by run --no-sig-proxy
}

// Help is printed below the flags.
func (RunCmd) Help() string {
	return `IMAGE is a name, an ID or the beginning of one. All that follows it belongs to
the program. The exit code is the program's; 125 means that learnbox failed,
126 that the program cannot be executed, 127 that it was not found, and 128+n
that it died of signal n.

Examples:
  learnbox run -it alpine
  learnbox run --rm alpine cat /etc/alpine-release
  learnbox run --rm -v "$PWD":/work -w /work alpine ls -l
  learnbox run --rm -u 1000:1000 --read-only --tmpfs /tmp alpine id
  learnbox run -it tiny          (an image that needs no network)`
}

// KeepsSignals marks run as a verb that passes signals on to the program.
func (RunCmd) KeepsSignals() {}

// errNotATerminal is Docker's answer to -it in a pipe.
var errNotATerminal = hintedError{errors.New("the input device is not a terminal"), "leave out -t, or -i"}

// Run does the verb. Its own failures end with 125.
func (c *RunCmd) Run(a *app) error {
	if err := unknownFlag(c.Words); err != nil {
		return err
	}
	keys, err := c.keys()
	if err != nil {
		return err
	}
	c.left = !c.SigProxy
	if c.Detach {
		if err := c.detach(a); err != nil {
			return exitError{codeOf(err), a.fullDisk(a.asRoot("run containers", err))}
		}
		return nil
	}
	if c.Interactive && c.TTY && !isTerminal(a.stdin) {
		return errNotATerminal
	}
	code, err := c.run(a, keys)
	if err != nil {
		return exitError{codeOf(err), a.fullDisk(a.asRoot("run containers", err))}
	}
	return exitError{code: code}
}

// unknownFlag is the error about a flag that kong does not know, and so hands on as
// the first word.
func unknownFlag(words []string) error {
	if !strings.HasPrefix(words[0], "-") {
		return nil
	}
	return exitError{exitUsage, hintedError{
		fmt.Errorf("unknown flag %s", words[0]),
		"published ports (-p) are not offered yet",
	}}
}

// codeOf is the exit code that an error carries, or 125.
func codeOf(err error) int {
	var exit exitError
	var coded interface{ ExitCode() int }
	switch {
	case errors.As(err, &exit):
		return exit.code
	case errors.As(err, &coded):
		return coded.ExitCode()
	}
	return exitRun
}

// exitRun is the exit code of run and exec when learnbox itself failed.
const exitRun = 125

// run is the way from a name to a program's exit code.
func (c *RunCmd) run(a *app, keys []byte) (code int, err error) {
	proxy, ctx := newSignalProxy(a.ctx) // until learnbox ends
	defer func() { err = endedBySignal(ctx, err) }()
	told, err := c.tell(ctx, a, c.Words[0], c.Quiet, &c.stopFlags)
	if err != nil {
		return 0, err
	}
	defer told()

	ct, err := c.draft(ctx, a, "run", c.Words, c.clone(ctx, a))
	if err != nil {
		return 0, err
	}
	if ct.outlives {
		return c.follow(ctx, a, ct, proxy, keys)
	}
	live, err := ct.start(ctx, a, proxy, c.TTY)
	if err != nil {
		return 0, err
	}
	if a.teller != nil {
		a.writeAfterStory(c.TTY)
	}
	return attach(a, live, proxy, c.Interactive, c.TTY)
}

// clone has the first process made, by this command or by a monitor.
func (c *RunCmd) clone(ctx context.Context, a *app) func(*lifecycle.Draft, bool) error {
	o := lifecycle.CloneOptions{Terminal: c.TTY, Stdin: c.Interactive, HostPIDs: c.hostPIDs(a), Narrate: a.narrate}
	return func(draft *lifecycle.Draft, outlives bool) error {
		if outlives {
			return draft.CloneDetached(ctx, o, !c.Detach)
		}
		return draft.Clone(ctx, o)
	}
}

// containers opens the containers for a verb and clears away what dead ones left.
func (a *app) containers(verb string) (*lifecycle.Containers, error) {
	all, err := lifecycle.Open(a.root, a.runDir)
	if err != nil {
		return nil, err
	}
	if err := all.Repair(); err != nil {
		a.warnUntidy(verb, err)
	}
	stop.Sweep(a.gateDir())
	return all, nil
}

func (a *app) warn(verb, text string) {
	fmt.Fprintf(a.stderr, "learnbox: %s: warning: %s\n", verb, narrate.Plain(text))
}
