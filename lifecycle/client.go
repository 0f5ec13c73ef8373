package lifecycle

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
)

// ErrNotRunning reports a container that has no monitor: nothing runs in it.
var ErrNotRunning = errors.New("the container is not running")

// A RefusedError is what a monitor answered instead of doing what it was asked.
type RefusedError struct{ Text, Way string }

func (e *RefusedError) Error() string { return e.Text }

// Hint returns the way out, if one is known.
func (e *RefusedError) Hint() string { return e.Way }

// ask sends one request to the monitor of a container.
//
// Errors: ErrNotRunning, *RefusedError.
func (c *Containers) ask(id string, r request) (net.Conn, *bufio.Reader, response, error) {
	conn, err := c.dial(id)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, nil, response{}, ErrNotRunning
	}
	if err != nil {
		return nil, nil, response{}, fmt.Errorf("speak to the container's monitor: %w", err)
	}
	var in *bufio.Reader
	var answer response
	if err = send(conn, r); err == nil {
		in, answer, err = hear(conn)
	}
	if err != nil {
		if _, refused := errors.AsType[*RefusedError](err); !refused {
			err = ErrNotRunning // it ended before it answered
		}
		return nil, nil, response{}, errors.Join(err, conn.Close())
	}
	return conn, in, answer, nil
}

// send sends a request, and hear hears what it was answered.
func send(conn io.Writer, r request) error {
	line, err := json.Marshal(r)
	if err == nil {
		_, err = conn.Write(append(line, '\n'))
	}
	return err
}

func hear(conn io.Reader) (*bufio.Reader, response, error) {
	var answer response
	in := bufio.NewReader(conn)
	line, err := in.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &answer)
	}
	if err == nil && answer.Error != "" {
		err = &RefusedError{answer.Error, answer.Hint}
	}
	return in, answer, err
}

// dial connects to a monitor. One that is just coming up has written the state
// already, and has its socket in a moment.
func (c *Containers) dial(id string) (net.Conn, error) {
	for try := 0; ; try++ {
		conn, err := linux.Dial(c.control(id))
		if err == nil || try == 100 {
			return conn, err
		}
		if !c.statusOf(id).Alive() {
			return nil, err
		}
		<-time.After(10 * time.Millisecond)
	}
}

func (c *Containers) tell(id string, r request) (response, error) {
	conn, _, answer, err := c.ask(id, r)
	if err != nil {
		return response{}, err
	}
	return answer, conn.Close()
}

// Stop asks the program of a container to end, kills it after timeout, and
// returns its exit code when the container is at rest.
//
// Errors: ErrNotRunning, *RefusedError; so for all that follow.
func (c *Containers) Stop(id string, sig unix.Signal, timeout time.Duration) (code int, err error) {
	answer, err := c.tell(id, request{Do: doStop, Signal: int(sig), Timeout: timeout})
	return answer.Code, err
}

// Kill sends a signal to the first process of a container.
func (c *Containers) Kill(id string, sig unix.Signal) error {
	_, err := c.tell(id, request{Do: doKill, Signal: int(sig)})
	return err
}

// Pause freezes all processes of a container.
func (c *Containers) Pause(id string) error {
	_, err := c.tell(id, request{Do: doPause})
	return err
}

// Resume lets a paused container go on.
func (c *Containers) Resume(id string) error {
	_, err := c.tell(id, request{Do: doResume})
	return err
}

// Wait waits until a container is at rest and returns its exit code.
func (c *Containers) Wait(id string) (code int, err error) {
	answer, err := c.tell(id, request{Do: doWait})
	return answer.Code, err
}
