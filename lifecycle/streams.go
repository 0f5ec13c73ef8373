package lifecycle

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// streams are the pipes between a container without a terminal and its parent.
// The program never gets the parent's own descriptors: whoever holds a
// terminal can type into it (TIOCSTI, ioctl_tty(2)).
type streams struct {
	childIn, childOut, childErr *os.File // the program's ends; nil: /dev/null, or a terminal
	in, out, err                *os.File // ours
}

func newStreams(terminal, stdin bool) (_ *streams, err error) {
	s := &streams{}
	if terminal {
		return s, nil
	}
	defer func() {
		if err != nil {
			s.closeChildEnds()
			s.close()
		}
	}()
	if stdin {
		if s.childIn, s.in, err = os.Pipe(); err != nil {
			return nil, err
		}
	}
	if s.out, s.childOut, err = os.Pipe(); err != nil {
		return nil, err
	}
	s.err, s.childErr, err = os.Pipe()
	return s, err
}

func (s *streams) closeChildEnds() { closeAll(s.childIn, s.childOut, s.childErr) }
func (s *streams) close()          { closeAll(s.in, s.out, s.err) }

func closeAll(files ...*os.File) {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
}

// Attach connects the container's streams to a client's and returns at once. A nil stdin is
// not read. The returned function waits until all output has been written; it
// is called after Wait, when the last writer inside is gone.
func (r *Live) Attach(stdin io.Reader, stdout, stderr io.Writer) (drain func() error) {
	if r.Terminal != nil {
		if stdin != nil {
			go func() { _, _ = io.Copy(r.Terminal, stdin) }() // ends with the process that reads
		}
		return copyAll(r.Terminal, stdout, nil, nil)
	}
	if r.streams.in != nil && stdin != nil {
		go func() {
			_, _ = io.Copy(r.streams.in, stdin) // a program that stops reading is no error
			r.streams.in.Close()
		}()
	}
	return copyAll(r.streams.out, stdout, r.streams.err, stderr)
}

// copyAll copies from one or two sources, each in its own goroutine.
func copyAll(from1 *os.File, to1 io.Writer, from2 *os.File, to2 io.Writer) func() error {
	done, n := make(chan error, 2), 1
	go func() { done <- pump(to1, from1) }()
	if from2 != nil {
		n++
		go func() { done <- pump(to2, from2) }()
	}
	return func() error {
		var errs []error
		for range n {
			errs = append(errs, <-done)
		}
		return errors.Join(errs...)
	}
}

// pump copies until the source ends. A pty ends with EIO when its last slave
// is closed. When the client stops listening, the source is closed, so that
// the program gets the same broken pipe that it would get in a shell.
func pump(to io.Writer, from *os.File) error {
	_, err := io.Copy(to, from)
	from.Close()
	if errors.Is(err, syscall.EIO) || errors.Is(err, syscall.EPIPE) || errors.Is(err, os.ErrClosed) {
		return nil // ErrClosed: the client hung up
	}
	return err
}
