package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/lifecycle"
)

// AttachCmd is "learnbox attach".
type AttachCmd struct {
	NoStdin    bool   `help:"Do not read standard input."`
	SigProxy   bool   `default:"true" negatable:"" help:"Pass signals on to the program (--no-sig-proxy does not)."`
	DetachKeys string `placeholder:"KEYS" help:"Keys that leave the container alone (default ctrl-p,ctrl-q)."`
	Container  string `arg:"" placeholder:"CONTAINER" help:"Name or ID."`
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
	keys, err := parseKeys(c.DetachKeys)
	if err != nil {
		return err
	}
	if c.DetachKeys == "" {
		keys = detachKeys()
	}
	var code int
	err = a.visit("attach", []string{c.Container}, func(all *lifecycle.Containers, ct lifecycle.Container, _ string) error {
		err := may(ct, c.Container, lifecycle.ToAttach)
		if err != nil {
			return err
		}
		code, err = a.attachTo(all, ct, attachOptions{stdin: !c.NoStdin, signals: c.SigProxy, keys: keys})
		return err
	})
	if err != nil {
		return err
	}
	return exitError{code: code}
}

type attachOptions struct {
	stdin, signals bool
	keys           []byte       // that detach; none: nothing does
	early          *signalProxy // has received signals so far; nil: nobody has
}

// detachKeys are ctrl-p ctrl-q.
func detachKeys() []byte { return []byte{'p' & 0x1f, 'q' & 0x1f} }

// attachTo connects the user's streams with a container's until one of them ends,
// and returns the program's exit code.
func (a *app) attachTo(all *lifecycle.Containers, ct lifecycle.Container, o attachOptions) (code int, err error) {
	at, err := all.Attach(ct.ID, o.stdin)
	if err != nil {
		return 0, err
	}
	return a.stayAttached(at, o)
}

// stayAttached is attachTo for a connection that is there.
func (a *app) stayAttached(at *lifecycle.Attachment, o attachOptions) (code int, err error) {
	defer at.Close()
	if at.TTY && o.stdin && isTerminal(a.stdin) {
		restore, err := makeRaw(a.stdin)
		if err != nil {
			return 0, err
		}
		defer restore()
	}
	if o.signals || at.TTY {
		stop := a.passSignals(at, o.signals)
		defer stop()
	}
	if o.early != nil {
		for _, sig := range o.early.retire() {
			_ = at.Signal(sig) // the program may have ended
		}
	}
	left := make(chan struct{})
	if o.stdin {
		go a.typeInto(at, o.keys, left)
	}
	return a.show(at, left)
}

// show prints output until the program ends or the user leaves.
func (a *app) show(at *lifecycle.Attachment, left chan struct{}) (code int, err error) {
	ended := make(chan error, 1)
	go func() {
		for {
			p, stderr, done, c, err := at.Next()
			if done || err != nil {
				code = c
				ended <- err
				return
			}
			to := a.stdout
			if stderr {
				to = a.stderr
			}
			if _, err := to.Write(p); err != nil {
				ended <- err
				return
			}
		}
	}()
	select {
	case err := <-ended:
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, unix.ECONNRESET) {
			err = errors.New("the container's monitor is gone")
		}
		return code, err
	case <-left:
		fmt.Fprint(a.stderr, "\r\n")
		return 0, nil
	}
}

// typeInto copies the user's input, and closes left at the keys that detach.
func (a *app) typeInto(at *lifecycle.Attachment, keys []byte, left chan struct{}) {
	buf, matched := make([]byte, 4096), 0
	for {
		n, err := a.stdin.Read(buf)
		for _, b := range buf[:n] {
			if len(keys) == 0 {
				break
			}
			switch b {
			case keys[matched]:
				matched++
			case keys[0]:
				matched = 1
			default:
				matched = 0
			}
			if matched == len(keys) {
				close(left)
				return
			}
		}
		if n > 0 && matched == 0 {
			if _, err := at.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			_ = at.CloseInput() // the program may have ended
			return
		}
	}
}

// passSignals passes signals and the terminal's size on.
func (a *app) passSignals(at *lifecycle.Attachment, all bool) (stop func()) {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, unix.SIGWINCH)
	if all {
		signal.Notify(signals)
	}
	resize := func() {
		if size := a.terminalSize(); at.TTY && size.Rows > 0 {
			_ = at.Resize(size) // it may have ended
		}
	}
	resize()
	go func() {
		for s := range signals {
			switch sig, ok := s.(unix.Signal); {
			case !ok || sig == unix.SIGCHLD || sig == unix.SIGURG || sig == unix.SIGPIPE:
			case sig == unix.SIGWINCH:
				resize()
			default:
				_ = at.Signal(sig) // likewise
			}
		}
	}()
	return func() { signal.Stop(signals) }
}

// parseKeys reads Docker's notation: letters, and ctrl- with one of them or of
// @ [ \ ] ^ _, between commas.
func parseKeys(s string) ([]byte, error) {
	var keys []byte
	for _, word := range commaList(s) {
		letter, ctrl := word, false
		if len(word) == 6 && word[:5] == "ctrl-" {
			letter, ctrl = word[5:], true
		}
		switch {
		case len(letter) != 1:
			return nil, usageError("--detach-keys %s: %q is no key", s, word)
		case ctrl && letter[0] >= 'a' && letter[0] <= 'z':
			keys = append(keys, letter[0]-'a'+1)
		case ctrl && letter[0] >= '@' && letter[0] <= '_':
			keys = append(keys, letter[0]-'@')
		case ctrl:
			return nil, usageError("--detach-keys %s: %q is no key", s, word)
		default:
			keys = append(keys, letter[0])
		}
	}
	return keys, nil
}
