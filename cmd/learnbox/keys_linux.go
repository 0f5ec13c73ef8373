package main

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/explain/stop"
)

// keys returns what reads the keys at a stop, or nil without a terminal.
func (a *app) keys() func() (<-chan stop.Verdict, func()) {
	if !isTerminal(a.stdin) {
		return nil
	}
	return func() (<-chan stop.Verdict, func()) {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, func() {}
		}
		restore := singleKeys(a.stdin)
		keys, ended := make(chan stop.Verdict, 1), make(chan struct{})
		go func() {
			defer close(ended)
			readKeys(a.stdin, r, keys)
		}()
		return keys, func() {
			w.Close() // wakes the reader
			<-ended
			r.Close()
			restore()
		}
	}
}

// readKeys reads keys one by one until wake is closed at its other end. What
// is no verdict is passed over.
func readKeys(in, wake *os.File, keys chan<- stop.Verdict) {
	verdicts := map[byte]stop.Verdict{'n': stop.Next, 'c': stop.Continue, 'q': stop.Abort}
	for {
		fds := []unix.PollFd{{Fd: int32(in.Fd()), Events: unix.POLLIN}, {Fd: int32(wake.Fd()), Events: unix.POLLIN}}
		_, err := unix.Poll(fds, -1)
		if err == unix.EINTR {
			continue
		}
		if err != nil || fds[1].Revents != 0 || fds[0].Revents&unix.POLLIN == 0 {
			return
		}
		key := make([]byte, 1)
		if n, err := in.Read(key); n != 1 || err != nil {
			return
		}
		if v, ok := verdicts[key[0]]; ok {
			keys <- v
			return
		}
	}
}

// singleKeys has the terminal hand over each key at once, and not show it.
// Ctrl-C stays a signal.
func singleKeys(f *os.File) (restore func()) {
	fd := int(f.Fd())
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return func() {}
	}
	now := *before
	now.Lflag &^= unix.ICANON | unix.ECHO
	now.Cc[unix.VMIN], now.Cc[unix.VTIME] = 1, 0
	_ = unix.IoctlSetTermios(fd, unix.TCSETS, &now)
	return func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, before) }
}
