package lifecycle

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/sandbox/tty"
)

// An Attachment is a connection to the streams of a running container. Next has to be called
// again and again: it also hears how much of the input was taken.
type Attachment struct {
	TTY   bool // the container has a terminal
	Owner bool // the program was started for this client
	Pid   int  // of its first process, for the owner

	conn net.Conn
	in   *bufio.Reader
	mu   sync.Mutex // one frame at a time

	room  sync.Cond // guards what follows
	onWay int       // input that was not taken yet, in bytes: see inputWindow
	ended bool
}

func newConnection(conn net.Conn) *Attachment {
	return &Attachment{conn: conn, room: sync.Cond{L: new(sync.Mutex)}}
}

// ErrMonitorGone reports that the container's monitor has ended without a word.
var ErrMonitorGone = errors.New("the container's monitor is gone")

// Attach connects to the streams of a container.
func (c *Containers) Attach(id string, stdin bool) (*Attachment, error) {
	conn, in, answer, err := c.ask(id, request{Do: doAttach, Stdin: stdin})
	if err != nil {
		return nil, err
	}
	a := newConnection(conn)
	a.TTY, a.in = answer.TTY, in
	return a, nil
}

// Close leaves the container alone.
func (a *Attachment) Close() error {
	a.end()
	return a.conn.Close()
}

func (a *Attachment) end() {
	a.room.L.Lock()
	defer a.room.L.Unlock()
	a.ended = true
	a.room.Broadcast()
}

func (a *Attachment) send(kind byte, p []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, err := a.conn.Write(frame(kind, p))
	return err
}

// Write types into the container. It waits until the program has taken most of what was
// typed before, and the other methods do not wait for that.
func (a *Attachment) Write(p []byte) (int, error) {
	for sent := 0; sent < len(p); {
		n := min(len(p)-sent, inputWindow/4)
		if err := a.reserve(n); err != nil {
			return sent, err
		}
		if err := a.send(frameStdin, p[sent:sent+n]); err != nil {
			return sent, err
		}
		sent += n
	}
	return len(p), nil
}

func (a *Attachment) reserve(n int) error {
	n = max(n, leastInput)
	a.room.L.Lock()
	defer a.room.L.Unlock()
	for !a.ended && a.onWay+n > inputWindow {
		a.room.Wait()
	}
	if a.ended {
		return net.ErrClosed
	}
	a.onWay += n
	return nil
}

func (a *Attachment) taken(n int) {
	a.room.L.Lock()
	defer a.room.L.Unlock()
	a.onWay -= max(n, leastInput)
	a.room.Broadcast()
}

// CloseInput says that there is nothing more to type.
func (a *Attachment) CloseInput() error { return a.send(frameEOF, nil) }

// Resize tells the container's terminal its size.
func (a *Attachment) Resize(s tty.Size) error {
	return a.send(frameResize, binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, s.Rows), s.Cols))
}

// Signal sends a signal to the container's first process.
func (a *Attachment) Signal(sig unix.Signal) error { return a.send(frameSignal, []byte{byte(sig)}) }

// Broken says that nobody reads a stream of the program any more, of standard error if
// stderr is set. The program that runs for this client gets a broken pipe, as in a shell.
func (a *Attachment) Broken(stderr bool) error {
	stream := frameStdout
	if stderr {
		stream = frameStderr
	}
	return a.send(frameBroken, []byte{stream})
}

// Next returns the next output, of standard error if stderr is set; or, with done,
// the exit code of the program, and for the owner with err what else went wrong.
//
// Errors: ErrMonitorGone, *RefusedError.
func (a *Attachment) Next() (p []byte, stderr, done bool, code int, err error) {
	for {
		kind, p, err := readFrame(a.in)
		if err != nil {
			a.end()
			return nil, false, false, 0, goneIf(err)
		}
		switch {
		case kind == frameTaken && len(p) == 4:
			a.taken(int(binary.BigEndian.Uint32(p)))
		case kind == frameExit && len(p) >= 4:
			a.end()
			if len(p) > 4 {
				err = &RefusedError{Text: string(p[4:])}
			}
			return nil, false, true, int(binary.BigEndian.Uint32(p)), err
		default:
			return p, kind == frameStderr, false, 0, nil
		}
	}
}

// goneIf is ErrMonitorGone for the end of a connection.
func goneIf(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, unix.ECONNRESET) {
		return ErrMonitorGone
	}
	return err
}
