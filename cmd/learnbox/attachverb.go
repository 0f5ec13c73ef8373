package main

import (
	"github.com/learnbox/learnbox/lifecycle"
)

// AttachCmd is "learnbox attach".
type AttachCmd struct {
	NoStdin  bool `help:"Do not read standard input."`
	SigProxy bool `default:"true" negatable:"" help:"Pass signals on to the program (--no-sig-proxy does not)."`
	detachFlags
	Container string `arg:"" placeholder:"CONTAINER" help:"Name or ID."`
}

// Help is printed below the flags.
func (AttachCmd) Help() string {
	return `Connects this terminal to the streams of a running container. Ctrl-p ctrl-q leaves
it alone again.

Examples:
  learnbox attach web
  learnbox attach --no-stdin web`
}

// KeepsSignals marks attach as a verb that passes signals on.
func (AttachCmd) KeepsSignals() {}

// Run does the verb. It ends with the program's exit code.
func (c *AttachCmd) Run(a *app) error {
	keys, err := c.keys()
	if err != nil {
		return err
	}
	var code int
	err = a.visit("attach", []string{c.Container}, func(all *lifecycle.Containers, ct lifecycle.Container, _ string) error {
		err := a.may(ct, c.Container, lifecycle.ToAttach)
		if err != nil {
			return err
		}
		o := attachOptions{stdin: !c.NoStdin, keys: keys}
		if c.SigProxy {
			o.proxy = newProgramProxy()
		}
		code, err = a.attachTo(all, ct, o)
		return err
	})
	if err != nil {
		return err
	}
	return exitError{code: code}
}

// attachTo connects the user's streams with a container's until one of them ends,
// and returns the program's exit code.
func (a *app) attachTo(all *lifecycle.Containers, ct lifecycle.Container, o attachOptions) (code int, err error) {
	at, err := all.Attach(ct.ID, o.stdin)
	if err != nil {
		return 0, err
	}
	code, _, err = a.stayAttached(at, o)
	return code, err
}
