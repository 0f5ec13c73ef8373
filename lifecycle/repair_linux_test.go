package lifecycle

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/learnbox/learnbox/internal/privtest"
)

// TestRepair gives it what a parent can leave at its death.
func TestRepair(t *testing.T) {
	privtest.Require(t, "cgroup")
	tests := map[string]struct {
		leave func(t *testing.T, c *Containers)
		want  []string
	}{
		"a running container that is kept": {func(t *testing.T, c *Containers) {
			die(t, begin(t, c, "box", State{Status: Running, Pid: 4711}, false))
		}, []string{"box exited"}},
		"a running --rm container": {func(t *testing.T, c *Containers) {
			die(t, begin(t, c, "box", State{Status: Running}, true))
		}, nil},
		"an --rm container that somebody is about to start": {func(t *testing.T, c *Containers) {
			die(t, begin(t, c, "box", State{Status: Created}, true))
		}, []string{"box created"}},
		"a draft without files": {func(t *testing.T, c *Containers) {
			d, err := c.New(t.Context(), "box")
			if err != nil {
				t.Fatal(err)
			}
			die(t, d)
		}, nil},
		"a draft without a directory": {func(t *testing.T, c *Containers) {
			if err := os.Mkdir(filepath.Join(c.run, newID()), 0o700); err != nil {
				t.Fatal(err)
			}
		}, nil},
		"a draft with some of its files": {func(t *testing.T, c *Containers) {
			d := begin(t, c, "box", State{Status: Running}, false)
			if err := os.Remove(c.file(d.ID, "container.json")); err != nil {
				t.Fatal(err)
			}
			die(t, d)
		}, nil},
		"a removal that got as far as the rename": {func(t *testing.T, c *Containers) {
			d := begin(t, c, "box", State{Status: Exited}, true)
			if err := os.Rename(d.Dir, filepath.Join(c.data, gonePrefix+d.ID)); err != nil {
				t.Fatal(err)
			}
			die(t, d)
		}, nil},
		"one whose parent lives": {func(t *testing.T, c *Containers) {
			begin(t, c, "box", State{Status: Running}, true)
		}, []string{"box running"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := open(t)
			tt.leave(t, c)
			if err := c.Repair(); err != nil {
				t.Fatal(err)
			}
			if got := listed(t, c); !slices.Equal(got, tt.want) {
				t.Errorf("List = %q, want %q", got, tt.want)
			}
			if len(tt.want) == 0 {
				empty(t, c)
			}
		})
	}
}

func TestRepairSaysWhatHappened(t *testing.T) {
	privtest.Require(t, "cgroup")
	c := open(t)
	die(t, begin(t, c, "box", State{Status: Running, Pid: 4711}, false))
	if err := c.Repair(); err != nil {
		t.Fatal(err)
	}
	ct, err := c.Find("box")
	if err != nil {
		t.Fatal(err)
	}
	if s := ct.State; s.ExitCode != 137 || s.Pid != 0 || s.Error == "" || s.Finished.IsZero() {
		t.Errorf("the state is %+v", s)
	}
}

// TestSweep is what a listing finds after a loss of power.
func TestSweep(t *testing.T) {
	privtest.Require(t, "cgroup")
	c := open(t)
	exited(t, c, "rested")
	begin(t, c, "kept", State{Status: Running, Pid: 4711}, false)
	begin(t, c, "fleeting", State{Status: Running}, true)
	if _, err := c.New(t.Context(), "draft"); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(c.data, gonePrefix+newID(), "upper"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"container.json", "state"} { // were not on the disk yet
		d := begin(t, c, "lost", State{Status: Running}, true)
		if err := errors.Join(os.Truncate(c.file(d.ID, file), 0), os.Remove(filepath.Join(c.names(), "lost"))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(c.names(), "rested")); err != nil { // somebody's hand
		t.Fatal(err)
	}
	reboot(t, c)
	if err := c.Sweep(); err != nil {
		t.Fatal(err)
	}
	got := listed(t, c)
	slices.Sort(got)
	if want := []string{"kept exited", "rested exited"}; !slices.Equal(got, want) {
		t.Errorf("List = %q, want %q", got, want)
	}
	entries, err := os.ReadDir(c.data)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), gonePrefix) {
			t.Errorf("%s is left", e.Name())
		}
	}
	if names, _ := os.ReadDir(c.names()); len(names) != 2 || len(entries) != 3 {
		t.Errorf("%d names and %d directories are left", len(names), len(entries))
	}
}

// TestSweepSparesTheLiving runs while a container starts and one ends.
func TestSweepSparesTheLiving(t *testing.T) {
	privtest.Require(t, "cgroup")
	c := open(t)
	d, err := c.New(t.Context(), "draft")
	if err != nil {
		t.Fatal(err)
	}
	begin(t, c, "running", State{Status: Running}, true)
	if err := errors.Join(c.Sweep(), c.Repair()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(d.Dir); err != nil {
		t.Errorf("the draft is gone: %v", err)
	}
	if got := listed(t, c); !slices.Equal(got, []string{"running running"}) {
		t.Errorf("List = %q", got)
	}
}

// TestRepairsMeet lets some repair the same dead containers while others begin
// new ones: nobody complains, nobody loses anything.
func TestRepairsMeet(t *testing.T) {
	privtest.Require(t, "cgroup")
	c := open(t)
	for range 30 {
		die(t, begin(t, c, "", State{Status: Running}, true))
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 3 {
				if err := c.Repair(); err != nil {
					t.Error(err)
				}
				d, err := c.New(context.Background(), "")
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := os.Stat(d.Dir); err != nil {
					t.Error(err)
				}
				if err := d.Discard(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	empty(t, c)
}

// TestIdleEndsWhatTheDeadLeft: between the death of a parent and the next Repair somebody
// may remove or start the container. What the dead one left must not be forgotten with it.
func TestIdleEndsWhatTheDeadLeft(t *testing.T) {
	privtest.Require(t, "cgroup")
	privtest.NoTrace(t)
	c := open(t)
	d := begin(t, c, "box", State{Status: Running, Pid: 4711}, false)
	if _, err := d.Enclose(nil); err != nil {
		t.Fatal(err)
	}
	die(t, d)
	ct, err := c.Find("box")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Remove(ct, false); err != nil {
		t.Fatal(err)
	}
	empty(t, c)
}

// TestIdleWantsAContainer: it was found, then somebody else removed it.
func TestIdleWantsAContainer(t *testing.T) {
	privtest.Require(t, "cgroup")
	c := open(t)
	exited(t, c, "box")
	ct, err := c.Find("box")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Remove(ct, false); err != nil {
		t.Fatal(err)
	}
	if err := c.Remove(ct, false); !errors.Is(err, ErrNotFound) {
		t.Errorf("the second Remove = %v, want ErrNotFound", err)
	}
	if _, err := c.StartDetached(ct.ID, StartOptions{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("StartDetached = %v, want ErrNotFound", err)
	}
	empty(t, c)
}
