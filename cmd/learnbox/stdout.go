package main

import (
	"cmp"
	"errors"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// A keptWriter remembers the first error of its writes. Most verbs print many lines, and would
// have to look at each; so it is looked at once, at the end.
type keptWriter struct {
	to io.Writer

	mu  sync.Mutex
	err error
}

func (w *keptWriter) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = cmp.Or(w.err, err)
	return n, err
}

// ReadFrom keeps the short way of io.Copy between two files, splice(2). Its error, which may be
// one of reading, is for whoever copies.
func (w *keptWriter) ReadFrom(r io.Reader) (int64, error) { return io.Copy(w.to, r) }

// lost is why something could not be written, or nil. Who reads no more (EPIPE) has all that he wanted.
func (w *keptWriter) lost() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if errors.Is(w.err, unix.EPIPE) {
		return nil
	}
	return w.err
}

// fileBehind is the file that a writer writes to, or nil.
func fileBehind(w io.Writer) *os.File {
	if kept, ok := w.(*keptWriter); ok {
		w = kept.to
	}
	f, _ := w.(*os.File)
	return f
}
