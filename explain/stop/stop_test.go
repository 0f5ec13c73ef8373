package stop

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	steps := []string{"ns.uts", "ns.net", "rootfs.proc"}
	for _, c := range []struct {
		name          string
		before, after []string
		at            Point
		want          bool
	}{
		{"before one", []string{"ns.uts"}, nil, Point{"ns.uts", false}, true},
		{"before is not after", []string{"ns.uts"}, nil, Point{"ns.uts", true}, false},
		{"after one", nil, []string{"ns.net"}, Point{"ns.net", true}, true},
		{"a family", []string{"ns.*"}, nil, Point{"ns.net", false}, true},
		{"not of the family", []string{"ns.*"}, nil, Point{"rootfs.proc", false}, false},
		{"named twice", []string{"ns.uts", "ns.uts"}, nil, Point{"ns.uts", false}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := Parse(c.before, c.after, steps)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.At(c.at); got != c.want {
				t.Errorf("At(%s) = %v, want %v", c.at, got, c.want)
			}
		})
	}
	for _, pattern := range []string{"ns.usr", "", "[", "network.*"} {
		if _, err := Parse([]string{pattern}, nil, steps); err == nil {
			t.Errorf("Parse(%q) found a step", pattern)
		}
	}
}

func TestEveryStopsBeforeButNotAfter(t *testing.T) {
	var p Points
	p.Every(true)
	if !p.At(Point{"x", false}) || p.At(Point{"x", true}) {
		t.Error("every step is to be stopped before, and only before")
	}
	p.Every(false)
	if p.Any() {
		t.Error("there is nothing to stop at any more")
	}
}

// stand waits at a gate, in a goroutine, and hands over what came of it.
func stand(ctx context.Context, g *Gate, step string, keys <-chan Verdict) <-chan Verdict {
	out := make(chan Verdict, 1)
	go func() {
		v, err := g.Wait(ctx, Place{Process: os.Getpid(), Name: "box", Container: "abc", At: Point{Step: step}}, keys)
		if err != nil {
			v = Verdict(err.Error())
		}
		out <- v
	}()
	return out
}

// found is the one run at dir, as soon as it is there.
func found(t *testing.T, dir string) Stopped {
	t.Helper()
	for range 500 {
		all, err := Find(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(all) == 1 && !all[0].Busy {
			return all[0]
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("nobody stands at the gate")
	return Stopped{}
}

func open(t *testing.T) (*Gate, string) {
	t.Helper()
	dir := t.TempDir()
	g, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	return g, dir
}

func TestSomebodyElsewhereSaysNext(t *testing.T) {
	g, dir := open(t)
	first := stand(t.Context(), g, "ns.uts", nil)
	s := found(t, dir)
	if s.At.Step != "ns.uts" || !s.Is("box") || !s.Is("ab") || s.Is("") || s.Is("other") {
		t.Errorf("found %+v", s.Place)
	}
	said := make(chan *Place)
	go func() {
		p, err := s.Say(Next)
		if err != nil {
			t.Error(err)
		}
		said <- p
	}()
	if v := <-first; v != Next {
		t.Fatalf("Wait = %q", v)
	}
	if _, err := s.Say(Next); !errors.Is(err, ErrBusy) {
		t.Errorf("a second next on the way: %v, want ErrBusy", err)
	}
	stand(t.Context(), g, "ns.ipc", nil)
	if p := <-said; p == nil || p.At.Step != "ns.ipc" {
		t.Errorf("the first next ended at %+v, want ns.ipc", p)
	}
}

func TestTheLastVerdictHearsThatTheRunGoesOn(t *testing.T) {
	g, dir := open(t)
	stand(t.Context(), g, "ns.uts", nil)
	s := found(t, dir)
	go func() {
		time.Sleep(10 * time.Millisecond)
		g.Close()
	}()
	if p, err := s.Say(Continue); p != nil || err != nil {
		t.Errorf("Say = %+v, %v, want nothing: the run goes on", p, err)
	}
	if all, err := Find(dir); len(all) > 0 || err != nil {
		t.Errorf("a closed gate is found: %+v, %v", all, err)
	}
}

func TestKeysAndTheEndOfTheContext(t *testing.T) {
	g, _ := open(t)
	keys := make(chan Verdict, 1)
	keys <- Abort
	if v := <-stand(t.Context(), g, "ns.uts", keys); v != Abort {
		t.Errorf("Wait = %q after a key, want abort", v)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupted"))
	if v := <-stand(ctx, g, "ns.uts", nil); v != "interrupted" {
		t.Errorf("Wait = %q after the end of the context", v)
	}
}

func TestADeadGateIsRemoved(t *testing.T) {
	g, dir := open(t)
	dead := filepath.Join(dir, "1234567")
	if err := os.Rename(filepath.Join(dir, strconv.Itoa(os.Getpid())), dead); err != nil {
		t.Fatal(err)
	}
	if err := g.listener.Close(); err != nil {
		t.Fatal(err)
	}
	if all, err := Find(dir); len(all) > 0 || err != nil {
		t.Errorf("found %+v, %v", all, err)
	}
	if _, err := os.Stat(dead); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the dead gate is still there: %v", err)
	}
}
