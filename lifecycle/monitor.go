package lifecycle

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/learnbox/learnbox/sandbox"
)

// A Monitor watches over a running container: it hands its output to the log
// and to whoever is attached, its input to the program, does what other commands
// ask for over the container's socket (serve.go), and writes down how it ended.
// It is the only one who writes the container's state meanwhile.
//
// Mostly it is a process of its own (process_linux.go); a container that goes with its command
// has it there.
type Monitor struct {
	all      *Containers
	record   Record // as it was when the monitor began
	live     *Live  // mu is needed to change it, and to read it elsewhere than in Wait
	log      logWriter
	listener net.Listener // nil: nobody can ask for anything
	pumps    sync.WaitGroup
	serving  sync.WaitGroup // clients
	owners   sync.WaitGroup // those for whom the program runs
	rest     chan struct{}  // closed when the container is at rest

	reviver  *reviver // nil: the program is not started again
	checker  *checker // nil: nobody looks after its health
	troubles troubles

	mu      sync.Mutex
	state   State
	owing   bool // the state is not written yet: see writeLater
	clients map[*client]bool
	ending  *ending        // the next one
	ended   bool           // for good: nobody is served any more
	status  sandbox.Status // valid when rest is closed
	err     error
}

// An ending is one end of the program, and may be one of many.
type ending struct {
	done   chan struct{} // closed when it has come
	code   int           // valid then, as the next
	failed string        // what went wrong besides
}

// Oversee begins to watch. stdin, stdout and stderr are those of the command in
// the foreground, or nil; a nil stdin is not read.
func (r *Live) Oversee(stdin io.Reader, stdout, stderr io.Writer) *Monitor {
	m := r.monitor()
	if stdout != nil {
		own := &client{write: func(stream byte, p []byte) error {
			to := stdout
			if stream == frameStderr {
				to = stderr
			}
			if _, err := to.Write(p); err != nil {
				return brokenPipe{err}
			}
			return nil
		}}
		m.clients[own] = true
	}
	if stdin != nil {
		go m.feed(stdin)
	}
	m.hearProgram()
	go m.listen() // a program that ends at once need not wait for it
	return m
}

// monitor is one that does not watch yet.
func (r *Live) monitor() *Monitor {
	return &Monitor{
		all: r.draft.all, record: r.record, live: r, state: r.state, rest: make(chan struct{}), ending: &ending{done: make(chan struct{})},
		log:     logWriter{path: r.draft.all.file(r.draft.ID, LogName), cut: map[string][]byte{}},
		clients: map[*client]bool{}, troubles: troubles{changed: make(chan struct{}, 1)},
	}
}

// hearProgram hands on what the program says, until it has ended.
func (m *Monitor) hearProgram() {
	m.pump(frameStdout, m.live.Terminal)
	m.pump(frameStdout, m.live.streams.out)
	m.pump(frameStderr, m.live.streams.err)
}

// feed copies a client's input, and its end.
func (m *Monitor) feed(stdin io.Reader) {
	to := m.live.input()
	if to == nil {
		return
	}
	_, _ = io.Copy(to, stdin) // a program that stops reading is no error
	if to != m.live.Terminal {
		to.Close()
	}
}

// input is where the program reads from, or nil.
func (r *Live) input() *os.File {
	if r.Terminal != nil {
		return r.Terminal
	}
	return r.streams.in
}

// pump hands on what comes from the program until that ends. A pty ends with EIO
// when its last slave is closed.
func (m *Monitor) pump(stream byte, from *os.File) {
	if from == nil {
		return
	}
	name := "stdout"
	if stream == frameStderr {
		name = "stderr"
	}
	m.pumps.Go(func() {
		defer from.Close()
		buf := make([]byte, 32<<10)
		for {
			n, err := from.Read(buf)
			if n > 0 {
				m.log.write(name, buf[:n])
				if broken := m.broadcast(stream, buf[:n]); broken != nil {
					m.fail(broken)
					return // the program gets the broken pipe that it would get in a shell
				}
			}
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.EIO) && !errors.Is(err, os.ErrClosed) {
					m.fail(err)
				}
				return
			}
		}
	})
}

// fail notes the first error that is not the program's. That a client hung up is
// none.
func (m *Monitor) fail(err error) {
	if errors.Is(err, syscall.EPIPE) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = errors.Join(m.err, err)
}

// Wait waits for the end of the program, which may be started again, and brings
// the container to rest.
func (m *Monitor) Wait() (sandbox.Status, error) {
	status, err := m.awaitEnd()
	for again := true; again && err == nil; {
		if status, again = m.restart(status); again {
			status, err = m.awaitEnd()
		}
	}
	m.log.close()
	m.mu.Lock()
	m.ended = true
	m.state.Status, m.state.Pid, m.state.ExitCode, m.state.OOMKilled = Exited, 0, status.Code, status.OOMKilled
	err = errors.Join(m.err, err, m.live.draft.end(m.live.record, m.state))
	m.status = status
	m.tellEnd(status.Code, err)
	m.mu.Unlock()
	close(m.rest)
	if m.listener != nil {
		_ = m.listener.Close() // its file is gone with the directory
	}
	m.farewell()
	return status, err
}

// awaitEnd waits for one end of the program, and until all that it said is handed on.
func (m *Monitor) awaitEnd() (sandbox.Status, error) {
	if m.checker != nil {
		m.setOver(false)
		m.beginChecks()
		_ = m.live.AwaitEnd() // Wait tells
		m.setOver(true)
		m.endChecks() // they have a group in the container's
	}
	status, err := m.live.Wait()
	m.troubles.tell(m, status.Count)
	m.hurry()
	m.pumps.Wait()
	return status, err
}

// tellEnd tells those who wait for the program's end that it has come.
func (m *Monitor) tellEnd(code int, err error) {
	m.ending.code = code
	if err != nil {
		m.ending.failed = err.Error()
	}
	close(m.ending.done)
}

// farewell waits a moment for those who are still to hear how it ended: what
// follows may be the end of this process. Owners read as slowly as they like.
func (m *Monitor) farewell() {
	m.owners.Wait()
	const patience = 2 * time.Second
	served := make(chan struct{})
	go func() {
		m.serving.Wait()
		close(served)
	}()
	select {
	case <-served:
	case <-time.After(patience):
	}
}
