package unpack

import (
	"errors"
	"io"
	"sync"
)

// errStopped ends a stage that nobody reads from any more.
var errStopped = errors.New("stopped")

// A readAhead reads from another reader in a goroutine of its own, a few buffers
// ahead of its caller. Two of them in a row let reading, decompressing, hashing
// and writing files happen at the same time, on as many cores as there are.
//
// Buffers go in a circle, each owned by one goroutine at a time:
//
//	fill -> (observe) -> Read -> fill
//
// There are as many places in each channel as there are buffers, so the only wait
// is for a buffer to fill or to empty.
type readAhead struct {
	full  chan block  // from the last stage to Read
	empty chan []byte // back from Read to the first stage
	stop  <-chan struct{}
	wg    sync.WaitGroup

	held []byte // the buffer that Read hands out now
	rest []byte // what is left of it
	err  error  // comes after rest
}

// A block is a filled buffer; err, if any, is what comes after its bytes.
type block struct {
	data []byte
	err  error
}

// newReadAhead starts to fill count buffers of size bytes from r. If observe is
// not nil it sees all bytes, in order, in another goroutine, before Read returns
// the end. Closing stop ends all of it; then, or after the end of r, wait.
func newReadAhead(r io.Reader, size, count int, stop <-chan struct{}, observe func([]byte)) *readAhead {
	a := &readAhead{full: make(chan block, count+1), empty: make(chan []byte, count), stop: stop}
	filled := a.full
	if observe != nil {
		filled = make(chan block, count+1)
		a.wg.Go(func() {
			defer close(a.full)
			for b := range filled {
				observe(b.data)
				a.full <- b
			}
		})
	}
	a.wg.Go(func() {
		defer close(filled)
		for made := 0; ; {
			var buf []byte
			select {
			case buf = <-a.empty:
			default:
				if made < count { // buffers are made as they are needed: most layers are small
					made++
					buf = make([]byte, size)
					break
				}
				select {
				case buf = <-a.empty:
				case <-stop:
					return
				}
			}
			n, err := fill(r, buf)
			filled <- block{buf[:n], err}
			if err != nil {
				return
			}
		}
	})
	return a
}

// fill is io.ReadFull without its opinion about the end.
func fill(r io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var m int
		m, err = r.Read(buf[n:])
		n += m
	}
	return n, err
}

func (a *readAhead) Read(p []byte) (int, error) {
	for len(a.rest) == 0 {
		if a.err != nil {
			return 0, a.err
		}
		if a.held != nil {
			a.empty <- a.held
			a.held = nil
		}
		select {
		case b, ok := <-a.full:
			if !ok {
				b.err = errStopped
			}
			a.held, a.rest, a.err = b.data[:cap(b.data)], b.data, b.err
		case <-a.stop:
			a.err = errStopped
		}
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

// wait returns when the goroutines are gone.
func (a *readAhead) wait() { a.wg.Wait() }
