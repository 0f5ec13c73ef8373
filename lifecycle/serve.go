package lifecycle

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
)

// The socket of a container, RUN/ID/control, is how other commands speak to its
// monitor. Only root may open it. A client sends one request, a line of JSON, and
// gets one reply, a line of JSON. After "attach" both go on in frames: a byte that
// says what it is, four bytes of length, and the content.

// What a frame is. The first ones go to the client, the others come from it.
const (
	frameStdout byte = 1
	frameStderr byte = 2
	frameExit   byte = 3 // the exit code, four bytes, and for an owner what went wrong besides
	frameTaken  byte = 4 // how many bytes of input were taken, four bytes

	frameStdin  byte = 10
	frameEOF    byte = 11 // standard input is at its end
	frameResize byte = 12 // rows and columns, two bytes each
	frameSignal byte = 13 // its number, one byte
	frameBroken byte = 14 // nobody reads a stream any more: frameStdout or frameStderr, one byte
)

// maxFrame bounds what is read into memory.
const maxFrame = 1 << 20

// A client has at most inputWindow bytes of input on the way which the program has not taken. So
// the monitor, which keeps them, can always hear what else the client says. A frame counts as
// leastInput bytes at least.
const (
	inputWindow = 128 << 10
	leastInput  = 256
)

// What a client may ask for.
const (
	doAttach  = "attach"
	doStop    = "stop"
	doKill    = "kill"
	doPause   = "pause"
	doResume  = "resume"
	doUpdate  = "update"
	doWait    = "wait"
	doProcess = "process" // nothing but an answer: the container is watched over
)

type request struct {
	Do      string        `json:"do"`
	Signal  int           `json:"signal,omitempty"`
	Timeout time.Duration `json:"timeout,omitempty"` // of stop; negative: for ever
	Stdin   bool          `json:"stdin,omitempty"`   // of attach: the client has input
	Owner   bool          `json:"owner,omitempty"`   // of attach: the program runs for the client, and waits until it has read

	Resources *specs.LinuxResources `json:"resources,omitempty"` // of update: all of them
}

type response struct {
	Error string `json:"error,omitempty"`
	Hint  string `json:"hint,omitempty"`
	Code  int    `json:"code,omitempty"` // of the program, after wait and stop
	TTY   bool   `json:"tty,omitempty"`  // after attach

	Warnings []string `json:"warnings,omitempty"` // after update
}

// listen opens the socket, unless the program has ended already. Without one the
// container runs all the same, but nobody else can speak to it.
func (m *Monitor) listen() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended {
		return
	}
	l, err := linux.Listen(m.live.draft.all.control(m.live.draft.ID))
	if err != nil {
		m.err = errors.Join(m.err, fmt.Errorf("open the container's socket: %w", err))
		return
	}
	m.listener = l
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			m.serving.Go(func() {
				defer c.Close()
				m.serve(c)
			})
		}
	}()
}

func (m *Monitor) serve(c net.Conn) {
	in := bufio.NewReader(c)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return // whoever looks whether somebody is there
	}
	var r request
	if err := json.Unmarshal(line, &r); err != nil {
		reply(c, response{Error: err.Error()})
		return
	}
	if r.Do == doAttach {
		if v, err := m.receive(c, in, r); err != nil {
			reply(c, response{Error: err.Error()})
		} else {
			v.stay()
		}
		return
	}
	m.troubles.tell(m, m.now().Count())
	next, answer := m.next(), response{}
	if r.Do == doUpdate {
		if answer.Warnings, err = m.update(r.Resources); errors.Is(err, os.ErrProcessDone) {
			return
		}
	} else {
		err = m.do(r)
	}
	switch {
	case err != nil:
		answer.Error, answer.Hint = err.Error(), hintOf(err)
	case r.Do == doStop:
		answer.Code = m.status.Code
	case r.Do == doWait:
		<-next.done
		answer.Code = next.code
	}
	reply(c, answer)
}

// next is the next end of the program.
func (m *Monitor) next() *ending {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ending
}

func (m *Monitor) do(r request) error {
	switch r.Do {
	case doStop:
		return m.Stop(unix.Signal(r.Signal), r.Timeout)
	case doKill:
		return m.Kill(unix.Signal(r.Signal))
	case doPause:
		return m.Pause()
	case doResume:
		return m.Resume()
	case doWait, doProcess:
		return nil
	}
	return fmt.Errorf("unknown request %q: is this another version of learnbox?", r.Do)
}

// hintOf is the way out that an error knows.
func hintOf(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

func reply(w io.Writer, r response) {
	line, err := json.Marshal(r)
	if err == nil {
		_, _ = w.Write(append(line, '\n')) // whoever asked may have left
	}
}

func frame(kind byte, p []byte) []byte {
	head := make([]byte, 0, 5+len(p))
	return append(binary.BigEndian.AppendUint32(append(head, kind), uint32(len(p))), p...)
}

func readFrame(r *bufio.Reader) (kind byte, p []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size > maxFrame {
		return 0, nil, fmt.Errorf("a frame of %d bytes is too long", size)
	}
	p = make([]byte, size)
	_, err = io.ReadFull(r, p)
	return head[0], p, err
}
