package main

import (
	"crypto/rand"
	"encoding/hex"
	"io"
	"path/filepath"

	"github.com/learnbox/learnbox/explain/byhand"
)

// ByhandCmd is "learnbox byhand".
type ByhandCmd struct {
	runFlags
	imageFlags
	asRunFlags
	Words []string `arg:"" passthrough:"" complete:"image" placeholder:"IMAGE [COMMAND [ARG...]]" help:"The image, and what to run in it instead of the image's own command."`
}

// Help is printed below the flags.
func (ByhandCmd) Help() string {
	return `Takes the flags of run. The script builds the container that learnbox run would,
in the foreground and to be removed, with the programs of util-linux, coreutils
and iproute2 alone: unshare, mount, pivot_root, setpriv, ip and others. It is
written for this machine and this image, and says at each step of learnbox's
table what it does, or why a shell cannot. Nothing is run; it needs root when
you run it, and leaves nothing.

Examples:
  learnbox byhand tiny
  learnbox byhand tiny | sudo sh
  learnbox byhand -it alpine >alpine.sh; less alpine.sh; sudo sh alpine.sh
  learnbox byhand --read-only -u 1000 -v "$PWD":/work tiny ls /work`
}

// Run does the verb.
func (c *ByhandCmd) Run(a *app) error {
	if err := unknownFlag(c.Words); err != nil {
		return err
	}
	in, err := c.input(a)
	if err != nil {
		return a.fullDisk(err)
	}
	_, err = io.WriteString(a.stdout, byhand.Script(in))
	return err
}

// input describes the container as run would make it, under an ID and a directory
// that nobody has.
func (c *ByhandCmd) input(a *app) (byhand.Input, error) {
	img, rootfs, err := c.flattened(a.ctx, a, c.Words[0])
	if err != nil {
		return byhand.Input{}, err
	}
	id := make([]byte, 32)
	rand.Read(id)
	in := byhand.Input{
		ID: hex.EncodeToString(id), Lower: rootfs, Interactive: c.Interactive,
		Command: asRun(a.argv, "byhand", c.Rm),
	}
	dir := filepath.Join(a.root, "containers", in.ID)
	in.EtcDir = filepath.Join(dir, "etc")
	if in.Built, err = c.build(a, in.ID, dir, img, rootfs, c.Words[1:]); err != nil {
		return byhand.Input{}, err
	}
	for _, w := range in.Built.Warnings {
		a.warn("byhand", w)
	}
	return in, machine(&in)
}
