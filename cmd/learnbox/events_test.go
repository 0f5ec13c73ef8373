package main

import (
	"testing"
	"time"

	"github.com/learnbox/learnbox/lifecycle"
)

func TestEventLine(t *testing.T) {
	t.Setenv("TZ", "UTC")
	e := lifecycle.NewEvent("container", "die", "7f3c", "name", "web", "image", "alpine", "exitCode", "1", "evil", "a\x1b[2Jb")
	e.TimeNano = 1795522460612847392
	at := time.Unix(0, e.TimeNano).Format("2006-01-02T15:04:05.000000000Z07:00")
	if got, want := eventLine(e), at+` container die 7f3c (evil=a\x1b[2Jb, exitCode=1, image=alpine, name=web)`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := eventLine(lifecycle.Event{Type: "container", Action: "prune"})[len(at)-1:], " container prune "; len(got) < len(want) {
		t.Errorf("without attributes: %q", got)
	}
}

func TestEventFilters(t *testing.T) {
	die := lifecycle.NewEvent("container", "die", "7f3c99", "name", "web", "image", "registry:5000/base/alpine:3.20", "tier", "front")
	exec := lifecycle.NewEvent("container", "exec_start: ls -l", "7f3c99", "name", "web", "image", "alpine")
	tag := lifecycle.NewEvent("image", "tag", "sha256:abcd", "name", "mine:latest")
	for _, tt := range []struct {
		filters []string
		fit     []lifecycle.Event
	}{
		{nil, []lifecycle.Event{die, exec, tag}},
		{[]string{"type=container"}, []lifecycle.Event{die, exec}},
		{[]string{"type=container", "type=image", "event=tag"}, []lifecycle.Event{tag}},
		{[]string{"event=die", "event=exec_start"}, []lifecycle.Event{die, exec}},
		{[]string{"event=exec_start: ls -l"}, []lifecycle.Event{exec}},
		{[]string{"event=exec"}, nil},
		{[]string{"container=web"}, []lifecycle.Event{die, exec}},
		{[]string{"container=7f3c"}, []lifecycle.Event{die, exec}},
		{[]string{"container=we"}, nil},
		{[]string{"image=registry:5000/base/alpine"}, []lifecycle.Event{die}},
		{[]string{"image=registry:5000/base/alpine:3.20"}, []lifecycle.Event{die}},
		{[]string{"image=registry"}, nil},
		{[]string{"image=mine", "image=alpine"}, []lifecycle.Event{exec, tag}},
		{[]string{"image=abcd"}, []lifecycle.Event{tag}},
		{[]string{"label=tier"}, []lifecycle.Event{die}},
		{[]string{"label=tier=front", "label=nope"}, nil},
	} {
		f, err := parseEventFilters(tt.filters)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range []lifecycle.Event{die, exec, tag} {
			want := false
			for _, w := range tt.fit {
				want = want || w.Action == e.Action
			}
			if got := f.fits(e); got != want {
				t.Errorf("%v fits %s: %t, want %t", tt.filters, e.Action, got, want)
			}
		}
	}
}
