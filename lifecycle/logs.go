package lifecycle

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/learnbox/learnbox/internal/atomicfile"
)

// An Entry is one record of a log: a line with its newline, or a part of one. Without a
// newline at its end it is continued by the next one of its stream.
type Entry struct {
	Log    string    `json:"log"`
	Stream string    `json:"stream"` // "stdout" or "stderr"
	Time   time.Time `json:"time"`
}

// Logs reads what a container has said so far, and tells each. A container that
// said nothing has no entries. The entry that is being written comes later, if it
// comes.
func (c *Containers) Logs(id string, each func(Entry)) error {
	t := tail[Entry]{path: c.file(id, LogName)}
	defer t.close()
	if err := t.before(each); err != nil {
		return err
	}
	return t.read(each)
}

// Follow is Logs, then calls caughtUp, and goes on with what the container says
// until its program has ended, whether it is started again or not, or ctx ends. What it
// has said by then is told.
func (c *Containers) Follow(ctx context.Context, id string, each func(Entry), caughtUp func()) error {
	const pause = 50 * time.Millisecond
	t := tail[Entry]{path: c.file(id, LogName)}
	defer t.close()
	if err := t.before(each); err != nil {
		return err
	}
	before, err := c.Get(id)
	if err != nil {
		return err
	}
	for first := true; ; first = false {
		last := ctx.Err() != nil || !c.watched(id) || c.restartedSince(before) // so what it said is written
		if err := t.read(each); err != nil {
			return err
		}
		if first {
			caughtUp()
		}
		if last {
			return nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// restartedSince reports whether another program runs, or is about to.
func (c *Containers) restartedSince(before Container) bool {
	now, err := c.Get(before.ID)
	return err == nil && (now.State.Status == Restarting || now.State.RestartCount != before.State.RestartCount)
}

// watched reports whether a container has a monitor.
func (c *Containers) watched(id string) bool {
	_, err := c.tell(id, request{Do: doProcess})
	return err == nil
}

// A tail reads a file of JSON lines that grows, and that may begin anew under the same
// name.
type tail[T any] struct {
	path string
	f    *os.File
	in   *bufio.Reader
	rest []byte // of a record that is not whole yet
}

// before reads the file that was there before the present one. The present one is open
// by then: it could become the one before.
func (t *tail[T]) before(each func(T)) error {
	if err := t.open(); err != nil {
		return err
	}
	old := tail[T]{path: t.path + ".1"}
	defer old.close()
	if err := old.open(); err != nil {
		return err
	}
	if t.f != nil && old.f != nil && atomicfile.Linked(t.f, old.path) {
		return nil // it has become it just now, and is read from its beginning
	}
	return old.records(each)
}

// read reads what is there now.
func (t *tail[T]) read(each func(T)) error {
	if err := t.records(each); err != nil {
		return err
	}
	now, err := os.Stat(t.path)
	if err != nil {
		return nil //nolint:nilerr // not yet there, or just being renamed
	}
	if t.f != nil {
		if mine, err := t.f.Stat(); err == nil && os.SameFile(mine, now) {
			return nil
		}
	}
	if err := t.records(each); err != nil { // the last that were written before it was renamed
		return err
	}
	if err := t.open(); err != nil {
		return err
	}
	return t.records(each)
}

func (t *tail[T]) open() error {
	t.close()
	f, err := os.Open(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	t.f, t.in = f, bufio.NewReader(f)
	return nil
}

func (t *tail[T]) close() {
	if t.f != nil {
		t.f.Close()
	}
	t.f, t.rest = nil, nil
}

// records reads to the end of the file.
func (t *tail[T]) records(each func(T)) error {
	for t.f != nil {
		line, err := t.in.ReadBytes('\n')
		t.rest = append(t.rest, line...)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		var e T
		if json.Unmarshal(t.rest, &e) == nil { // a power cut may have left anything
			each(e)
		}
		t.rest = t.rest[:0]
	}
	return nil
}
