package lifecycle

import "errors"

// A client is somebody who sees the output of a container. One that cannot be written to is
// dropped, unless the error is a brokenPipe.
type client struct {
	write func(stream byte, p []byte) error
	hurry func() // the program has ended: write waits no longer; nil: it cannot but wait
}

// A brokenPipe is the error of a client for whom the program runs: nobody reads what it
// writes any more, and so its pipe is closed.
type brokenPipe struct{ error }

// broadcast shows output to all clients. The error is what a brokenPipe is about.
func (m *Monitor) broadcast(stream byte, p []byte) error {
	m.mu.Lock()
	all := make([]*client, 0, len(m.clients))
	for c := range m.clients {
		all = append(all, c)
	}
	m.mu.Unlock()
	for _, c := range all {
		err := c.write(stream, p)
		if broken, ok := errors.AsType[brokenPipe](err); ok {
			return broken.error
		}
		if err != nil {
			m.leave(c)
		}
	}
	return nil
}

func (m *Monitor) leave(c *client) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.clients, c)
}

// hurry has the rest of the output wait for no client.
func (m *Monitor) hurry() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for c := range m.clients {
		if c.hurry != nil {
			c.hurry()
		}
	}
}
