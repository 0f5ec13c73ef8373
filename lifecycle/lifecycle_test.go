package lifecycle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func open(t *testing.T) *Containers {
	t.Helper()
	dir := t.TempDir()
	c, err := Open(filepath.Join(dir, "data"), filepath.Join(dir, "run"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// begin begins a container and writes its files, as Start does.
func begin(t *testing.T, c *Containers, name string, s State, autoRemove bool) *Draft {
	t.Helper()
	d, err := c.New(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	r := Record{ID: d.ID, Name: d.Name, Created: time.Now().UTC(), AutoRemove: autoRemove}
	if err := d.save(r, &specs.Spec{Process: &specs.Process{Args: []string{"true", name}}}, s); err != nil {
		t.Fatal(err)
	}
	return d
}

// die is the death of a container's parent: the kernel gives the lock back and
// nothing else happens.
func die(t *testing.T, d *Draft) {
	t.Helper()
	if err := d.lock.Release(); err != nil {
		t.Fatal(err)
	}
}

// reboot empties the run root, as a boot does.
func reboot(t *testing.T, c *Containers) {
	t.Helper()
	if err := os.RemoveAll(c.run); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(c.run, 0o711); err != nil {
		t.Fatal(err)
	}
}

// exited is a container at rest.
func exited(t *testing.T, c *Containers, name string) Container {
	t.Helper()
	d := begin(t, c, name, State{Status: Running}, false)
	ct, err := c.Get(d.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.end(ct.Record, State{Status: Exited}); err != nil {
		t.Fatal(err)
	}
	return ct
}

// empty fails the test unless nothing of any container is left.
func empty(t *testing.T, c *Containers) {
	t.Helper()
	for _, dir := range []string{c.data, c.names(), c.run} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Name() != "names" && e.Name() != "events" { // what happened stays to be read
				t.Errorf("%s/%s is left", filepath.Base(dir), e.Name())
			}
		}
	}
}

func listed(t *testing.T, c *Containers) []string {
	t.Helper()
	all, err := c.List()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, ct := range all {
		names = append(names, ct.Name+" "+string(ct.State.Status))
	}
	return names
}

func TestNames(t *testing.T) {
	for name, want := range map[string]bool{
		"ab": true, "a.b": true, "a-b_c": true, "0x": true, strings.Repeat("a", 128): true,
		"": false, "a": false, ".a": false, "-a": false, "_a": false, "a/b": false, "../x": false,
		"a b": false, "a\n": false, "é1": false, strings.Repeat("a", 129): false,
	} {
		if got := validName(name); got != want {
			t.Errorf("validName(%q) = %v, want %v", name, got, want)
		}
	}
	for range 20 {
		if name := randomName(); !validName(name) || strings.Count(name, "_") != 1 {
			t.Errorf("randomName() = %q", name)
		}
	}
}

func TestANameIsTakenOnce(t *testing.T) {
	c := open(t)
	first := exited(t, c, "box")
	_, err := c.New(t.Context(), "box")
	if taken, ok := errors.AsType[*NameTakenError](err); !ok || taken.ID != first.ID {
		t.Fatalf("New = %v, want a NameTakenError with the ID of the first", err)
	}
	if got := listed(t, c); !slices.Equal(got, []string{"box exited"}) {
		t.Errorf("List = %q", got)
	}
	if err := c.Remove(first, false); err != nil {
		t.Fatal(err)
	}
	empty(t, c) // the one that failed left nothing either
	exited(t, c, "box")
}

// TestOneOfManyGetsTheName lets some ask for one name at once, also for one
// that a crash has left behind, and while its owner goes.
func TestOneOfManyGetsTheName(t *testing.T) {
	for what, prepare := range map[string]func(c *Containers) func() error{
		"free": func(*Containers) func() error { return func() error { return nil } },
		"left behind": func(c *Containers) func() error {
			return func() error { return os.Symlink("../"+newID(), filepath.Join(c.names(), "wanted")) }
		},
	} {
		t.Run(what, func(t *testing.T) {
			c := open(t)
			leave := prepare(c)
			for range 20 {
				if err := leave(); err != nil {
					t.Fatal(err)
				}
				oneGets(t, c, 4)
				empty(t, c)
			}
		})
	}
}

func oneGets(t *testing.T, c *Containers, n int) {
	t.Helper()
	var wg sync.WaitGroup
	drafts, errs := make(chan *Draft, n), make(chan error, n)
	for range n {
		wg.Go(func() {
			d, err := c.New(context.Background(), "wanted")
			if err == nil {
				drafts <- d
			} else {
				errs <- err
			}
		})
	}
	wg.Wait()
	if len(drafts) != 1 {
		t.Fatalf("%d have the name, want 1", len(drafts))
	}
	close(errs)
	for err := range errs {
		if _, ok := errors.AsType[*NameTakenError](err); !ok {
			t.Errorf("New: %v", err)
		}
	}
	if err := (<-drafts).Discard(); err != nil {
		t.Fatal(err)
	}
}

// TestARemovalTakesOnlyItsOwnName lets one go while others want its name.
func TestARemovalTakesOnlyItsOwnName(t *testing.T) {
	c := open(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				d, err := c.New(context.Background(), "wanted")
				if _, ok := errors.AsType[*NameTakenError](err); ok {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				owner, err := os.Readlink(filepath.Join(c.names(), "wanted"))
				if err != nil || filepath.Base(owner) != d.ID {
					t.Errorf("the name leads to %q, %v while its owner lives", owner, err)
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

// TestANameWithoutItsContainerIsFree is a crash between the two removals of remove.
func TestANameWithoutItsContainerIsFree(t *testing.T) {
	c := open(t)
	if err := os.Symlink("../"+newID(), filepath.Join(c.names(), "box")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Find("box"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Find = %v, want ErrNotFound", err)
	}
	exited(t, c, "box")
}

func TestFind(t *testing.T) {
	c := open(t)
	one, two := exited(t, c, "one"), exited(t, c, "two")
	// A name that is also the beginning of the other one's ID.
	tricky := exited(t, c, two.ID[:6])
	same := make([]string, 2) // two IDs with the same beginning
	for i := range same {
		same[i] = strings.Repeat("f", 60) + fmt.Sprintf("000%d", i)
		if err := os.Mkdir(c.dir(same[i]), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for word, want := range map[string]string{
		"one": one.ID, one.ID: one.ID, one.ID[:12]: one.ID, two.ID[:7]: two.ID, tricky.Name: tricky.ID,
	} {
		if got, err := c.Find(word); err != nil || got.ID != want {
			t.Errorf("Find(%q) = %s, %v, want %s", word, Short(got.ID), err, Short(want))
		}
	}
	for _, word := range []string{"", "three", "../names", "/", "..", strings.Repeat("e", 64), one.ID + "0"} {
		if _, err := c.Find(word); !errors.Is(err, ErrNotFound) {
			t.Errorf("Find(%q) = %v, want ErrNotFound", word, err)
		}
	}
	_, err := c.Find("ffffffffff")
	var ambiguous *AmbiguousError
	if !errors.As(err, &ambiguous) || len(ambiguous.IDs) != 2 {
		t.Errorf("Find of two = %v, want an AmbiguousError", err)
	}
}

// TestADamagedContainerHidesNoOther damages each file of one, in each way.
func TestADamagedContainerHidesNoOther(t *testing.T) {
	for _, file := range []string{"container.json", "state", "config.json"} {
		for what, content := range map[string]string{
			"empty": "", "cut off": `{"ID": "ab`, "another type": `{"ID": 7, "Status": 7, "process": 7}`, "zeros": "\x00\x00\x00", "nothing": "missing",
			"not whole": `{}`,
		} {
			if file == "config.json" && what == "not whole" || file == "container.json" && what == "nothing" {
				continue // a listing need not know; there is no container
			}
			t.Run(file+" "+what, func(t *testing.T) {
				c := open(t)
				exited(t, c, "whole")
				bad := exited(t, c, "broken")
				err := os.WriteFile(c.file(bad.ID, file), []byte(content), 0o600)
				if what == "nothing" {
					err = os.Remove(c.file(bad.ID, file))
				}
				if err != nil {
					t.Fatal(err)
				}
				if got := listed(t, c); !slices.Contains(got, "whole exited") || !slices.Contains(got, "broken dead") {
					t.Errorf("List = %q", got)
				}
				all, err := c.List()
				if err != nil || len(all) != 2 {
					t.Fatalf("List = %v, %v", all, err)
				}
				err = damages(all)
				if err == nil || !strings.Contains(err.Error(), Short(bad.ID)) || !strings.Contains(err.Error(), file) {
					t.Errorf("the damage is %v, want the container and the file", err)
				}
				_, err = c.Get(bad.ID)
				if d, ok := errors.AsType[*DamagedError](err); !ok || !strings.Contains(d.Hint(), "rm -f "+Short(bad.ID)) {
					t.Errorf("Get = %v, want a DamagedError with the way out", err)
				}
			})
		}
	}
}

func TestARunningContainerCannotBeRemoved(t *testing.T) {
	c := open(t)
	d := begin(t, c, "busy", State{Status: Running, Pid: 1}, false)
	ct, err := c.Find("busy")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Remove(ct, false); !errors.Is(err, ErrRunning) {
		t.Errorf("Remove = %v, want ErrRunning", err)
	}
	if got := listed(t, c); !slices.Equal(got, []string{"busy running"}) {
		t.Errorf("List = %q", got)
	}
	if err := d.end(ct.Record, State{Status: Exited}); err != nil {
		t.Fatal(err)
	}
	if err := c.Remove(ct, false); err != nil {
		t.Error(err)
	}
	empty(t, c)
}

// TestListingWaitsForNobody lists while every container is held. The limit is
// generous; whoever waits for a lock waits for ever.
func TestListingWaitsForNobody(t *testing.T) {
	c := open(t)
	begin(t, c, "held", State{Status: Running}, false)
	if _, err := c.New(t.Context(), "draft"); err != nil {
		t.Fatal(err)
	}
	done := make(chan []string, 1)
	go func() { done <- listed(t, c) }()
	select {
	case got := <-done:
		if !slices.Equal(got, []string{"held running"}) {
			t.Errorf("List = %q", got)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("List waits for a lock")
	}
}

func TestFiveHundredContainers(t *testing.T) {
	c := open(t)
	var want []string
	for i := range 500 {
		id, name := newID(), fmt.Sprintf("box-%d", i)
		r := Record{ID: id, Name: name, Created: time.Unix(int64(1000-i), 0).UTC(), AutoRemove: true} // no fsync
		for file, v := range map[string]any{"container.json": r, "state": State{Status: Exited}, "config.json": specs.Spec{Process: &specs.Process{}}} {
			data, err := json.Marshal(v)
			if err == nil {
				err = errors.Join(os.MkdirAll(c.dir(id), 0o700), os.WriteFile(c.file(id, file), data, 0o600))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		want = append(want, name+" exited") // the newest first
	}
	start := time.Now()
	if got := listed(t, c); !slices.Equal(got, want) {
		t.Errorf("List gave %d containers, the first %q", len(got), got[:1])
	}
	t.Logf("500 containers listed in %v", time.Since(start))
}
