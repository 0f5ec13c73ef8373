package main

import (
	"cmp"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/lifecycle"
)

// This file connects a terminal, or whatever the user's streams are, with a
// container that somebody else watches over.

type attachOptions struct {
	stdin bool
	keys  []byte       // that detach from a terminal; none: nothing does
	proxy *signalProxy // receives signals for the program; nil: only the terminal's size is passed on
}

// An attached command is one end of the connection.
type attached struct {
	*lifecycle.Attachment
	a     *app
	left  chan struct{}
	leave func() // closes left
}

// stayAttached passes everything on until the program ends or the user leaves. It
// returns the program's exit code, and whether it has ended.
func (a *app) stayAttached(to *lifecycle.Attachment, o attachOptions) (code int, ended bool, err error) {
	at := &attached{Attachment: to, a: a, left: make(chan struct{})}
	at.leave = sync.OnceFunc(func() { close(at.left) })
	defer at.Close()
	if at.TTY && o.stdin && isTerminal(a.stdin) {
		restore, err := makeRaw(a.stdin)
		if err != nil {
			return 0, false, err
		}
		defer restore()
	}
	if o.proxy == nil {
		o.proxy = newSizeProxy()
	}
	o.proxy.to(a, at)
	if o.stdin {
		keys := keyWatch{}
		if at.TTY {
			keys.keys = o.keys
		}
		go at.typeInto(keys)
	}
	return at.show()
}

// show is the wait of stayAttached.
func (at *attached) show() (code int, ended bool, err error) {
	done := make(chan error, 1)
	go func() {
		var err error
		code, err = at.copyOutput()
		done <- err
	}()
	select {
	case err := <-done:
		return code, true, err
	case <-at.left:
		fmt.Fprint(at.a.stderr, "\r\n")
		return 0, false, nil
	}
}

// copyOutput shows what the program says until it ends. Where that cannot be shown the
// program is told, if it runs for this command; else this command is done. A terminal
// that is gone says EIO, and is no reason for the program to end.
func (at *attached) copyOutput() (code int, err error) {
	var lost [2]bool
	var failed error
	for {
		p, stderr, done, code, err := at.Next()
		if done || err != nil {
			return code, cmp.Or(err, failed)
		}
		to, which := at.a.stdout, 0
		if stderr {
			to, which = at.a.stderr, 1
		}
		if lost[which] {
			continue
		}
		if _, err = to.Write(p); err == nil {
			continue
		}
		if !at.Owner || errors.Is(err, unix.EIO) {
			return 0, err
		}
		lost[which] = true
		if !errors.Is(err, unix.EPIPE) {
			failed = cmp.Or(failed, err)
		}
		_ = at.Broken(stderr) // it may have ended
	}
}

// typeInto copies the user's input.
func (at *attached) typeInto(keys keyWatch) {
	buf := make([]byte, 32<<10)
	for {
		n, err := at.a.stdin.Read(buf)
		typed, leaves := keys.pass(buf[:n])
		if len(typed) > 0 {
			if _, err := at.Write(typed); err != nil {
				return
			}
		}
		if leaves {
			at.leave()
			return
		}
		if err != nil {
			_ = at.CloseInput() // the program may have ended
			return
		}
	}
}

func (at *attached) hasTerminal() bool { return at.TTY }

// hangUp leaves: somebody else may attach to the program, which has heard of it.
func (at *attached) hangUp() { at.leave() }
