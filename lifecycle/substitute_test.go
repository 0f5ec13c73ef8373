package lifecycle

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestStateThatCannotBeWritten(t *testing.T) {
	c := open(t)
	c.states = filepath.Join(t.TempDir(), "states")
	r := Record{ID: strings.Repeat("a", idLength)}
	place := c.file(r.ID, "state")
	if err := os.MkdirAll(filepath.Join(place, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	is := func(want int) {
		t.Helper()
		if s, err := c.getState(r.ID); s.ExitCode != want || err != nil {
			t.Fatalf("the exit code is %d (%v), want %d", s.ExitCode, err, want)
		}
	}

	if err := c.setState(r, State{Status: Exited, ExitCode: 1}); err != nil {
		t.Fatalf("with a place below the run root: %v", err)
	}
	is(1)
	if err := os.RemoveAll(place); err != nil {
		t.Fatal(err)
	}
	if err := c.setState(r, State{Status: Exited, ExitCode: 2}); err != nil {
		t.Fatal(err)
	}
	is(2)
	if _, err := os.Lstat(c.substitute(r.ID)); err == nil {
		t.Error("the substitute is left")
	}

	if err := errors.Join(os.Remove(place), os.MkdirAll(filepath.Join(place, "in the way"), 0o700), os.Remove(c.states), os.WriteFile(c.states, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := c.setState(r, State{Status: Exited, ExitCode: 3}); err == nil {
		t.Fatal("without any place: no error")
	}
	is(3)
	if err := errors.Join(os.RemoveAll(place), os.Remove(c.states), c.setState(r, State{Status: Exited, ExitCode: 4})); err != nil {
		t.Fatal(err)
	}
	is(4)
}
