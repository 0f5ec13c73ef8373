package lifecycle

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/sandbox"
	"github.com/learnbox/learnbox/sandbox/tty"
)

// A Monitor watches over a running container: it hands its output to the log
// and to whoever is attached, its input to the program, does what other commands
// ask for over the container's socket (serve.go), and writes down how it ended.
// It is the only one who writes the container's state meanwhile.
//
// A container in the foreground has its monitor in the command that runs it. One
// in the background has a process for it (detach.go).
type Monitor struct {
	live     *Live
	log      logWriter
	listener net.Listener // nil: nobody can ask for anything
	pumps    sync.WaitGroup
	serving  sync.WaitGroup // clients
	done     chan struct{}  // closed when the container is at rest
	troubles troubles

	mu      sync.Mutex
	state   State
	clients map[*client]bool
	ended   bool           // the program has; nobody is served any more
	status  sandbox.Status // valid when done is closed
	err     error
}

// A client is somebody who sees the output of a container.
type client struct {
	write func(stream byte, p []byte) error
	vital bool // when it stops listening, the program's pipe is closed
}

// Oversee begins to watch. stdin, stdout and stderr are those of the command in
// the foreground, or nil; a nil stdin is not read.
func (r *Live) Oversee(stdin io.Reader, stdout, stderr io.Writer) *Monitor {
	m := &Monitor{
		live: r, state: r.state, done: make(chan struct{}),
		log:     logWriter{path: r.draft.all.file(r.draft.ID, LogName)},
		clients: map[*client]bool{}, troubles: troubles{changed: make(chan struct{}, 1)},
	}
	if stdout != nil {
		own := &client{vital: true, write: func(stream byte, p []byte) error {
			to := stdout
			if stream == frameStderr {
				to = stderr
			}
			_, err := to.Write(p)
			return err
		}}
		m.clients[own] = true
	}
	if stdin != nil {
		go m.feed(stdin)
	}
	m.pump(frameStdout, r.Terminal)
	m.pump(frameStdout, r.streams.out)
	m.pump(frameStderr, r.streams.err)
	go m.listen() // a program that ends at once need not wait for it
	return m
}

// feed copies a client's input, and its end.
func (m *Monitor) feed(stdin io.Reader) {
	to := m.input()
	if to == nil {
		return
	}
	_, _ = io.Copy(to, stdin) // a program that stops reading is no error
	if to != m.live.Terminal {
		to.Close()
	}
}

// input is where the program reads from, or nil.
func (m *Monitor) input() *os.File {
	if m.live.Terminal != nil {
		return m.live.Terminal
	}
	return m.live.streams.in
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

// broadcast shows output to all clients. The error is that of a vital one.
func (m *Monitor) broadcast(stream byte, p []byte) error {
	m.mu.Lock()
	all := make([]*client, 0, len(m.clients))
	for c := range m.clients {
		all = append(all, c)
	}
	m.mu.Unlock()
	for _, c := range all {
		err := c.write(stream, p)
		if err != nil && c.vital {
			return err
		}
		if err != nil {
			m.leave(c)
		}
	}
	return nil
}

func (m *Monitor) join(c *client) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clients[c] = true
}

func (m *Monitor) leave(c *client) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.clients, c)
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

// Wait waits for the end of the program, and brings the container to rest.
func (m *Monitor) Wait() (sandbox.Status, error) {
	status, err := m.live.Wait()
	m.troubles.tell(m, status.Count)
	m.pumps.Wait()
	m.log.close()
	m.mu.Lock()
	m.ended = true
	m.state.Status, m.state.Pid, m.state.ExitCode, m.state.OOMKilled = Exited, 0, status.Code, status.OOMKilled
	err = errors.Join(m.err, err, m.live.draft.end(m.live.record, m.state))
	m.status = status
	m.mu.Unlock()
	close(m.done)
	if m.listener != nil {
		_ = m.listener.Close() // its file is gone with the directory
	}
	m.farewell()
	return status, err
}

// farewell waits a moment for those who are still to hear how it ended: what
// follows may be the end of this process.
func (m *Monitor) farewell() {
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

// Stop asks the program to end, and kills it if it has not after timeout; a
// negative one waits for ever.
func (m *Monitor) Stop(sig unix.Signal, timeout time.Duration) (err error) {
	defer func() {
		if err == nil {
			m.report("stop")
		}
	}()
	if err := m.Kill(sig); err != nil {
		return err
	}
	if err := m.resumeIfPaused(); err != nil {
		return err
	}
	var late <-chan time.Time
	if timeout >= 0 {
		late = time.After(timeout)
	}
	select {
	case <-m.done:
		return nil
	case <-late:
	}
	if err := m.Kill(unix.SIGKILL); err != nil {
		return err
	}
	<-m.done
	return nil
}

// Kill sends a signal to the first process. One that has ended feels none.
func (m *Monitor) Kill(sig unix.Signal) error {
	err := m.live.Signal(sig)
	if err == nil {
		m.report("kill", "signal", strconv.Itoa(int(sig)))
	}
	if err == nil && sig == unix.SIGKILL {
		err = m.resumeIfPaused() // a frozen process cannot die
	}
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// Pause freezes the container, Resume lets it go on. The state is written when
// it has happened, and before it is reported.
func (m *Monitor) Pause() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.state.Status != Running {
		return fmt.Errorf("the container is %s", m.state.Status)
	}
	if err := m.live.Pause(); err != nil {
		if errors.Is(m.live.Signal(0), os.ErrProcessDone) { // its group is just being removed
			err = ErrNotRunning
		}
		return err
	}
	return m.become(Paused, "pause")
}

// Resume undoes Pause.
func (m *Monitor) Resume() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.state.Status != Paused {
		return errors.New("the container is not paused")
	}
	if err := m.live.Resume(); err != nil {
		return err
	}
	return m.become(Running, "unpause")
}

func (m *Monitor) resumeIfPaused() error {
	m.mu.Lock()
	paused := m.state.Status == Paused
	m.mu.Unlock()
	if !paused {
		return nil
	}
	return m.Resume()
}

func (m *Monitor) become(s Status, action string) error {
	m.state.Status = s
	err := m.live.draft.all.setState(m.live.record, m.state)
	if err == nil {
		m.report(action)
	}
	return err
}

// resize tells the terminal its size.
func (m *Monitor) resize(rows, cols uint16) error {
	return m.live.Resize(tty.Size{Rows: rows, Cols: cols})
}
