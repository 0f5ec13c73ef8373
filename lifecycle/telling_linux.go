package lifecycle

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/learnbox/learnbox/narrate"
)

// This file is how a command hears of the steps that a monitor's process takes for
// it. The monitor tells of each on the socket on which it got its job; if
// somebody attends, it stands still until a line comes back.

// A word is what a monitor says: that it is there, once it has read its job, if it
// is to tell of its steps, then the steps, and at last how it began. Of a draft it says
// when its first process is there, if it tells of steps, and when its files are.
type word struct {
	Step   *told      `json:",omitempty"`
	Cloned bool       `json:",omitempty"`
	Saved  bool       `json:",omitempty"`
	Begun  *beginning `json:",omitempty"`
}

// told is an event on its way between processes. An error travels as what it says.
type told struct {
	narrate.Event
	Failure, Way string
}

// toldError is an error that another process had.
type toldError struct{ text, way string }

func (e *toldError) Error() string { return e.text }

// Hint is the way out, or "".
func (e *toldError) Hint() string { return e.way }

// An employer is the command's end of the socket to a monitor.
type employer struct {
	socket  *os.File
	pid     int // the monitor's
	words   *json.Decoder
	narrate *narrate.Narrator
	saved   func() // called when a draft's files are written

	given error      // somebody who heard of a step ends the run with it
	begun *beginning // the last word
}

var errNoBeginning = errors.New("the monitor ended before the program could start")

// give gives the monitor its job. If somebody listens to the steps it returns when the
// monitor is what it will be: its name and its session can be looked at.
func (m *employer) give(j job) error {
	j.Tells, j.Attends = m.narrate != nil, m.narrate.Attends()
	j.Gated = j.Attends && m.narrate.Gated
	if err := m.say(j); err != nil {
		return err
	}
	m.words = json.NewDecoder(m.socket)
	if j.Tells && m.words.Decode(&word{}) != nil {
		return errNoBeginning
	}
	return nil
}

func (m *employer) say(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write the monitor's job: %w", err)
	}
	if _, err := m.socket.Write(append(line, '\n')); err != nil { // it was killed
		return errNoBeginning
	}
	return nil
}

// listen passes the monitor's steps on until it says how it began, or, if that is
// enough, that the first process is there. Whoever hears of a step can end it there.
func (m *employer) listen(cloned bool) error {
	for m.begun == nil {
		var w word
		if err := m.words.Decode(&w); err != nil {
			return errors.Join(m.given, errNoBeginning)
		}
		switch {
		case w.Begun != nil:
			m.begun = w.Begun
		case w.Saved && m.saved != nil:
			m.saved()
		case w.Cloned && cloned:
			return nil
		case w.Step != nil && m.given == nil:
			m.pass(w.Step)
		}
	}
	if m.given != nil {
		return m.given
	}
	return m.begun.err()
}

// pass passes a step on, and has the monitor go on, or not.
func (m *employer) pass(t *told) {
	e := t.Event
	if t.Failure != "" {
		e.Err = &toldError{t.Failure, t.Way}
	}
	switch m.given = m.narrate.Hear(e); {
	case m.given != nil:
		m.giveUp() // it brings the container to rest, and says so
	case m.narrate.Attend:
		_, _ = m.socket.Write([]byte{sayGoOn}) // one that was killed is noticed by listen
	}
}

// What a command says after each step, if it attends, and when a run is given up.
const (
	sayGoOn   = '\n'
	sayGiveUp = 'q'
)

func (m *employer) giveUp() { _, _ = m.socket.Write([]byte{sayGiveUp}) } // likewise

// until gives the run up when ctx ends before stop is called.
func (m *employer) until(ctx context.Context) (stop func()) {
	undo := context.AfterFunc(ctx, m.giveUp)
	return func() { undo() }
}

// narrator is whom the monitor tells of its steps, or nil.
func (j *job) narrator(out *json.Encoder, in *bufio.Reader) *narrate.Narrator {
	if !j.Tells {
		return nil
	}
	_ = out.Encode(word{}) // a command that was killed is noticed below
	left := false
	return &narrate.Narrator{Attend: j.Attends, Gated: j.Gated, Hear: func(e narrate.Event) error {
		if left {
			return nil
		}
		t := told{Event: e}
		if t.Err = nil; e.Err != nil {
			t.Failure = e.Err.Error()
			if h, ok := e.Err.(interface{ Hint() string }); ok {
				t.Way = h.Hint()
			}
		}
		err := out.Encode(word{Step: &t})
		if err == nil && j.Attends {
			var answer byte
			if answer, err = in.ReadByte(); answer == sayGiveUp {
				return errors.New("the run was given up")
			}
		}
		left = err != nil
		if left && j.Gated {
			return errors.New("nobody listens any more to where the run stands")
		}
		return nil // it runs in the background, and needs nobody
	}}
}
