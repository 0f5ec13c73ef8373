package stop

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/learnbox/learnbox/internal/linux"
)

// ErrBusy reports a run that is on its way to its next stop: somebody else was
// first.
var ErrBusy = errors.New("it is on its way to the next stop already")

// ErrEnded reports a run that ended before it answered.
var ErrEnded = errors.New("the run has ended")

// A Stopped is a run that has a gate.
type Stopped struct {
	Place
	Busy bool // it is on its way to its next stop; Place is the last one
	file string
}

// Find lists the runs that have stood still below dir, the oldest first, and removes
// what dead processes left there.
func Find(dir string) ([]Stopped, error) {
	files, err := filepath.Glob(filepath.Join(dir, "[0-9]*"))
	if err != nil {
		return nil, fmt.Errorf("look for stopped runs: %w", err)
	}
	var all []Stopped
	for _, f := range files {
		r, err := ask(f, where)
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			_ = os.Remove(f) // another command may be faster
		case errors.Is(err, os.ErrNotExist), errors.Is(err, ErrEnded):
		case err != nil:
			return nil, err
		case r.Place != nil && r.Place.At.Step != "": // it has been at a stop
			all = append(all, Stopped{*r.Place, r.Busy, f})
		}
	}
	slices.SortFunc(all, func(a, b Stopped) int { return cmp.Compare(a.Process, b.Process) })
	return all, nil
}

// Sweep removes the gates of dead processes below dir.
func Sweep(dir string) {
	if names, err := os.ReadDir(dir); err != nil || len(names) == 0 {
		return
	}
	_, _ = Find(dir) // a gate that cannot be asked is alive
}

// Say gives a verdict to a run and waits until it stands again. A nil place
// means that it does not: its program runs, or it has ended.
//
// Errors: ErrBusy, ErrEnded.
func (s Stopped) Say(v Verdict) (*Place, error) {
	r, err := ask(s.file, v)
	if err != nil {
		return nil, err
	}
	if r.Busy {
		return nil, ErrBusy
	}
	return r.Place, nil
}

func ask(file string, v Verdict) (reply, error) {
	c, err := linux.Dial(file)
	if err != nil {
		return reply{}, err
	}
	defer c.Close()
	if err := json.NewEncoder(c).Encode(request{v}); err != nil {
		return reply{}, fmt.Errorf("ask the run: %w", err)
	}
	var r reply
	err = json.NewDecoder(c).Decode(&r)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) {
		return reply{}, ErrEnded
	}
	if err != nil {
		return reply{}, fmt.Errorf("ask the run: %w", err)
	}
	return r, nil
}
