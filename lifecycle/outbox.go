package lifecycle

import (
	"net"
	"sync"
	"time"
)

// An outbox is what a client has not read yet. It holds a limited amount, so that a program
// waits for its readers; but when the program has ended it takes all, which is no more
// than what fits into a pipe, and nobody waits any longer.
type outbox struct {
	mu      sync.Mutex
	changed sync.Cond
	frames  [][]byte
	size    int  // of the frames, in bytes
	ended   bool // the program has
	closed  bool // nothing more will come
	err     error
}

const outboxSize = 128 << 10

// put waits until there is room. The error is that of the connection.
func (o *outbox) put(frame []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.err == nil && !o.ended && o.size >= outboxSize {
		o.changed.Wait()
	}
	if o.err != nil {
		return o.err
	}
	o.frames, o.size = append(o.frames, frame), o.size+len(frame)
	o.changed.Broadcast()
	return nil
}

// hurry says that the program has ended.
func (o *outbox) hurry() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
	o.changed.Broadcast()
}

// close says that nothing more will come.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.changed.Broadcast()
}

// take waits for frames. There are none when all are sent.
func (o *outbox) take() [][]byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.frames) == 0 && !o.closed {
		o.changed.Wait()
	}
	all := o.frames
	o.frames, o.size = nil, 0
	o.changed.Broadcast()
	return all
}

// flush sends all that is put, until nothing more comes. With impatient, whoever
// does not read for a while is given up.
func (o *outbox) flush(to net.Conn, impatient bool) {
	const patience = 10 * time.Second
	for all := o.take(); len(all) > 0; all = o.take() {
		for _, frame := range all {
			var err error
			if impatient {
				err = to.SetWriteDeadline(time.Now().Add(patience))
			}
			if err == nil {
				_, err = to.Write(frame)
			}
			if err != nil {
				o.fail(err)
				return
			}
		}
	}
}

func (o *outbox) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err, o.frames = err, nil
	o.changed.Broadcast()
}
