package cgroup

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

const before = `{"memory": {"limit": 67108864, "swap": 134217728}, "cpu": {"shares": 512, "quota": 50000, "period": 100000}, "pids": {"limit": 20}}`

// files are what the limits of before stand in.
func files(t *testing.T, g *Group) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, s := range g.h.Settings(resources(t, before)) {
		if text, err := readFile(g.file(s)); err == nil {
			found[s.File] = text
		}
	}
	return found
}

func same(a, b map[string]string) bool {
	for file, text := range a {
		if b[file] != text {
			return false
		}
	}
	return len(a) == len(b)
}

// One value of many is refused, or cannot be written down: none holds then.
func TestUpdateIsAllOrNothing(t *testing.T) {
	nothing := func() error { return nil }
	full := errors.New("the disk is full")
	for what, tt := range map[string]struct {
		wanted string
		keep   func() error
		want   error
	}{
		"lower, and a processor that is not there": {
			`{"memory": {"limit": 33554432, "swap": 33554432}, "cpu": {"shares": 100, "quota": 20000, "period": 200000, "cpus": "4000"}, "pids": {"limit": 5}}`, nothing, nil,
		},
		"higher, and a processor that is not there": {
			`{"memory": {"limit": 268435456, "swap": 536870912}, "cpu": {"cpus": "4000"}}`, nothing, nil,
		},
		"it cannot be written down": {
			`{"memory": {"limit": 268435456, "swap": 536870912}, "pids": {"limit": 5}}`, func() error { return full }, full,
		},
	} {
		t.Run(what, func(t *testing.T) {
			g := mustCreate(t, controlled(t))
			if _, err := g.Limit(resources(t, before)); err != nil {
				t.Fatal(err)
			}
			was := files(t, g)
			_, err := g.Update(resources(t, tt.wanted), tt.keep)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			if now := files(t, g); !same(was, now) {
				t.Errorf("before %v\nafter %v", was, now)
			}
			kept := false
			if _, err := g.Update(resources(t, `{"memory": {"limit": 16777216, "swap": 16777216}, "pids": {"limit": 5}}`), func() error { kept = true; return nil }); err != nil || !kept {
				t.Errorf("a good one: %v, kept %t", err, kept)
			}
			if now := files(t, g); now["pids.max"] != "5" || same(was, now) {
				t.Errorf("after a good one %v", now)
			}
		})
	}
}

// Limits for a group that had none: what is put back is none.
func TestUpdatePutsNoLimitBack(t *testing.T) {
	g := mustCreate(t, controlled(t))
	if g.h.Version == 2 { // else there are no files yet
		if err := g.enable(g.h.Settings(resources(t, before))); err != nil {
			t.Fatal(err)
		}
	}
	was := files(t, g)
	_, err := g.Update(resources(t, before), func() error { return unix.ENOSPC })
	if now := files(t, g); !errors.Is(err, unix.ENOSPC) || !same(was, now) {
		t.Errorf("%v\nbefore %v\nafter %v", err, was, now)
	}
}
