package lifecycle

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/sandbox/tty"
)

// A visit is a client that is attached: it sees the output from now on, and types.
// It ends with the program, also with one that is started again.
type visit struct {
	m     *Monitor
	live  *Live
	end   *ending
	conn  net.Conn
	in    *bufio.Reader
	stdin bool // the client has input
	owner bool // the program runs for it

	broken [frameStderr + 1]atomic.Bool // streams that nobody reads any more

	mu sync.Mutex // one frame at a time
	me *client
}

// receive lets a client in. One that does not read for a while is dropped, as the
// program must not wait for it; but it waits for its owner, as for any reader of a pipe.
func (m *Monitor) receive(c net.Conn, in *bufio.Reader, r request) (*visit, error) {
	v := &visit{m: m, conn: c, in: in, stdin: r.Stdin, owner: r.Owner}
	v.me = &client{write: v.write}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.state.Status.Refuses(ToAttach); err != nil {
		return nil, err
	}
	v.live, v.end = m.live, m.ending
	reply(c, response{TTY: m.live.Terminal != nil})
	m.clients[v.me] = true
	m.report("attach")
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
	m.serving.Go(func() {
		defer c.Close()
		v.stay()
	})
}

func (v *visit) write(stream byte, p []byte) error {
	const patience = 10 * time.Second
	v.mu.Lock()
	defer v.mu.Unlock()
	if stream <= frameStderr && v.broken[stream].Load() {
		return brokenPipe{syscall.EPIPE}
	}
	if !v.owner {
		if err := v.conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
	}
	return writeFrame(v.conn, stream, p)
}

// stay returns when the program has ended, or the client has left.
func (v *visit) stay() {
	defer v.m.leave(v.me)
	left := make(chan struct{})
	go func() {
		defer close(left)
		for err := error(nil); err == nil; {
			err = v.hear()
		}
	}()
	select {
	case <-v.end.done:
		_ = v.write(frameExit, binary.BigEndian.AppendUint32(nil, uint32(v.end.code)))
	case <-left:
		v.closeInput()
		v.m.report("detach")
	}
}

// hear does what one frame of the client says.
func (v *visit) hear() error {
	kind, p, err := readFrame(v.in)
	if err != nil {
		return err
	}
	switch {
	case kind == frameStdin && v.stdin && v.live.input() != nil:
		_, _ = v.live.input().Write(p) // a program that stops reading is no error
	case kind == frameEOF:
		v.closeInput() // the client goes on listening
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

// closeInput ends the program's input with the client's. There may come more by others if run -d
// made the container.
func (v *visit) closeInput() {
	if v.stdin && v.live.streams.in != nil && !v.m.record.Detached {
		_ = v.live.streams.in.Close() // somebody else may have closed it
	}
}
