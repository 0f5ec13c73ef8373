package explain

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/learnbox/learnbox/narrate"
)

// JournalName is the file in a container's directory that holds its records.
const JournalName = "events"

// A scribe writes records down, in their order, beside the run that goes on
// meanwhile. What was handed over is written when flushed says so.
type scribe struct {
	level Level
	out   io.Writer
	file  io.Writer // nil, or where JSON goes besides
	text  narrate.Text

	journal io.WriteCloser
	early   []narrate.Record // written before there was a journal
	buffer  bytes.Buffer     // the text of one record, so that it is written at once

	work chan func()
	done chan struct{}
}

func newScribe(o Options) *scribe {
	s := &scribe{level: o.Level, out: o.Out, file: o.File, work: make(chan func(), 64), done: make(chan struct{})}
	s.text = narrate.Text{W: &s.buffer, Color: o.Color, Full: o.Level == Full}
	go func() {
		defer close(s.done)
		for do := range s.work {
			do()
		}
	}()
	return s
}

// flushed is closed when all that was handed over so far is written.
func (s *scribe) flushed() <-chan struct{} {
	done := make(chan struct{})
	s.work <- func() { close(done) }
	return done
}

func (s *scribe) close() {
	close(s.work)
	<-s.done
	if s.journal != nil {
		s.journal.Close()
	}
}

// write sends a record to everybody who reads. A write that fails is not
// reported: nothing depends on the narration.
func (s *scribe) write(r narrate.Record) {
	switch s.level {
	case Off:
	case JSON:
		_ = r.Write(s.out)
	case Brief, Full:
		s.text.Print(r)
		_, _ = s.buffer.WriteTo(s.out)
	}
	if s.file != nil {
		_ = r.Write(s.file)
	}
	if s.journal == nil {
		s.early = append(s.early, r)
		return
	}
	_ = r.Write(s.journal)
}

// openJournal begins the journal in a container's directory, with what was
// written so far.
func (s *scribe) openJournal(k Known) {
	if k.Dir == "" {
		return
	}
	f, err := os.OpenFile(k.Dir+"/"+JournalName, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		fmt.Fprintf(s.out, "learnbox: warning: no journal: %v\n", err)
		return
	}
	s.journal = f
	for _, r := range s.early {
		if r.Type == narrate.TypeHello {
			r.Container, r.Name = k.ID, k.Name
		}
		_ = r.Write(f)
	}
	s.early = nil
}
