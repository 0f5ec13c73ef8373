package lifecycle

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/learnbox/learnbox/sandbox"
)

// A beginning is what a monitor answers at last.
type beginning struct {
	Pid      int
	Warnings []string
	Lent     bool   // the draft is the command's again
	Step     string // that failed, with Text; the others are those of a sandbox.StepError
	Text     string
	Way      string
	Code     int

	Path  string // of the file that Errno is about, if it was one
	Errno syscall.Errno
}

// failure is the error of a monitor that failed.
func failure(err error) beginning {
	b := beginning{Code: 125, Step: "monitor.start", Text: err.Error()}
	if step, ok := errors.AsType[*sandbox.StepError](err); ok {
		b.Step, b.Text, b.Way, b.Code = step.Step, step.Text, step.Way, step.Code
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		b.Path = p.Path
		b.Errno, _ = errors.AsType[syscall.Errno](err)
	}
	return b
}

// err is that error again, as the command has it; nil if there was none.
func (b *beginning) err() error {
	if b.Text == "" {
		return nil
	}
	step := &sandbox.StepError{Step: b.Step, Text: b.Text, Way: b.Way, Code: b.Code}
	if b.Errno == 0 {
		return step
	}
	return fileError{step, &fs.PathError{Path: b.Path, Err: b.Errno}}
}

// A fileError is a step that failed at a file.
type fileError struct {
	*sandbox.StepError
	cause *fs.PathError
}

func (e fileError) Unwrap() []error { return []error{e.StepError, e.cause} }
