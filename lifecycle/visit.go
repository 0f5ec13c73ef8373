package lifecycle

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"net"
	"strconv"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/sandbox/tty"
)

// A visit is a client that is attached: it sees the output from now on, and types.
// It ends with the program, also with one that is started again.
//
// Nobody who hears a client waits for anybody else: what it types is written by a goroutine
// of its own, and what it has not read yet stands in its outbox. So a signal comes through
// also when the program does not read, or the client does not.
type visit struct {
	m     *Monitor
	live  *Live
	end   *ending
	conn  net.Conn
	in    *bufio.Reader
	stdin bool // the client has input
	owner bool // the program runs for it

	broken [frameStderr + 1]atomic.Bool // streams that nobody reads any more
	out    outbox
	typed  chan []byte // for the program; nil: the client's input has ended
	me     *client
}

// receive lets a client in. One that does not read for a while is dropped, as the
// program must not wait for it; but it waits for its owner, as for any reader of a pipe.
func (m *Monitor) receive(c net.Conn, in *bufio.Reader, r request) (*visit, error) {
	v := &visit{m: m, conn: c, in: in, stdin: r.Stdin, owner: r.Owner, typed: make(chan []byte, inputWindow/leastInput+2)}
	v.out.changed.L = &v.out.mu
	v.me = &client{write: v.write, hurry: v.out.hurry}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.state.Status.Refuses(ToAttach); err != nil {
		return nil, err
	}
	v.live, v.end = m.live, m.ending
	reply(c, response{TTY: m.live.Terminal != nil})
	m.clients[v.me] = true
	if !v.owner { // of whom was told with the container
		m.report("attach")
	}
	return v, nil
}

// admit receives the client that was there before the program.
func (m *Monitor) admit(c net.Conn) {
	in := bufio.NewReader(c)
	var r request
	line, err := in.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &r)
	}
	var v *visit
	if err == nil {
		v, err = m.receive(c, in, r)
	}
	if err != nil {
		c.Close() // it is gone
		return
	}
	m.owners.Go(func() {
		defer c.Close()
		v.stay()
	})
}

// write shows output to the client, in its turn.
func (v *visit) write(stream byte, p []byte) error {
	if stream <= frameStderr && v.broken[stream].Load() {
		return brokenPipe{syscall.EPIPE}
	}
	return v.out.put(frame(stream, p))
}

// stay returns when the program has ended and the client has read all, or has left.
func (v *visit) stay() {
	defer v.m.leave(v.me)
	left, sent := make(chan struct{}), make(chan struct{})
	go v.typeOn()
	go func() {
		v.out.flush(v.conn, !v.owner)
		close(sent)
	}()
	go func() {
		defer close(left)
		for err := error(nil); err == nil; {
			err = v.hear()
		}
		v.typed <- nil
		close(v.typed)
	}()
	select {
	case <-v.end.done:
		said := binary.BigEndian.AppendUint32(nil, uint32(v.end.code))
		if v.owner { // nobody else is told
			said = append(said, v.end.failed...)
		}
		_ = v.out.put(frame(frameExit, said)) // it may have left
	case <-left:
		v.m.report("detach")
	}
	v.out.close()
	<-sent
}

// hear does what one frame of the client says.
func (v *visit) hear() error {
	kind, p, err := readFrame(v.in)
	if err != nil {
		return err
	}
	switch {
	case kind == frameStdin && v.stdin && len(p) > 0:
		v.typed <- p // there is room: see inputWindow
	case kind == frameEOF:
		v.typed <- nil // the client goes on listening
	case kind == frameResize && len(p) == 4:
		size := tty.Size{Rows: binary.BigEndian.Uint16(p), Cols: binary.BigEndian.Uint16(p[2:])}
		if v.m.resize(size) == nil { // else it has ended
			v.m.report("resize", "height", strconv.Itoa(int(size.Rows)), "width", strconv.Itoa(int(size.Cols)))
		}
	case kind == frameSignal && len(p) == 1:
		_ = v.m.Kill(unix.Signal(p[0])) // likewise
	case kind == frameBroken && v.owner && len(p) == 1 && p[0] <= frameStderr:
		v.broken[p[0]].Store(true)
	}
	return nil
}

// typeOn types what the client types, and tells it how much of that was taken: see inputWindow.
func (v *visit) typeOn() {
	input := v.live.input()
	for p := range v.typed {
		if p == nil {
			v.closeInput()
		} else if v.stdin && input != nil {
			_, _ = input.Write(p) // a program that stops reading is no error
		}
		if p != nil && v.out.put(frame(frameTaken, binary.BigEndian.AppendUint32(nil, uint32(len(p))))) != nil {
			break // it is gone
		}
	}
	for range v.typed { // what comes meanwhile has nobody to wait for
	}
	v.closeInput()
}

// closeInput ends the program's input with the client's. There may come more by others if run -d
// made the container.
func (v *visit) closeInput() {
	if v.stdin && v.live.streams.in != nil && !v.m.record.Detached {
		_ = v.live.streams.in.Close() // somebody else may have closed it
	}
}
