package lifecycle

import (
	"errors"
	"os"
	"slices"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/internal/privtest"
	"github.com/learnbox/learnbox/lifecycle/volume"
)

// attach gives a draft a volume with a name and one without.
func attach(t *testing.T, d *Draft) {
	t.Helper()
	err := d.Attach(t.Context(), []WantedVolume{
		{MountedVolume: MountedVolume{Name: "named", Destination: "/n"}, Copy: true},
		{MountedVolume: MountedVolume{Name: NewVolumeName(), Destination: "/a", Anonymous: true}, Labels: map[string]string{volume.AnonymousLabel: ""}},
	}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
}

// volumesOf are the names of all volumes, the anonymous ones as "anonymous".
func volumesOf(t *testing.T, c *Containers) []string {
	t.Helper()
	list, err := c.Volumes().List()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, v := range list {
		if v.Anonymous() {
			v.Name = "anonymous"
		}
		names = append(names, v.Name)
	}
	slices.Sort(names)
	return names
}

// kept is a container at rest with the two volumes.
func kept(t *testing.T, c *Containers, name string, share []MountedVolume) Container {
	t.Helper()
	d, err := c.New(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if share == nil {
		attach(t, d)
	} else {
		d.volumes = share
	}
	if err := d.Keep(Record{ID: d.ID, Name: d.Name, Volumes: d.Mounted()}, &specs.Spec{Process: &specs.Process{Args: []string{"true"}}}); err != nil {
		t.Fatal(err)
	}
	ct, err := c.Get(d.ID)
	if err != nil {
		t.Fatal(err)
	}
	return ct
}

func TestVolumesOfTheDead(t *testing.T) {
	privtest.Require(t, "cgroup")
	named, both := []string{"named"}, []string{"anonymous", "named"}
	for what, tt := range map[string]struct {
		leave func(t *testing.T, c *Containers)
		want  []string
	}{
		"a draft": {func(t *testing.T, c *Containers) {
			d, err := c.New(t.Context(), "box")
			if err != nil {
				t.Fatal(err)
			}
			attach(t, d)
			die(t, d)
			if err := d.letGo(); err != nil { // the kernel does
				t.Fatal(err)
			}
		}, named},
		"a draft that its maker gave up": {func(t *testing.T, c *Containers) {
			d, err := c.New(t.Context(), "box")
			if err != nil {
				t.Fatal(err)
			}
			attach(t, d)
			if err := d.Discard(); err != nil {
				t.Fatal(err)
			}
		}, named},
		"a running --rm container": {func(t *testing.T, c *Containers) {
			d, err := c.New(t.Context(), "box")
			if err != nil {
				t.Fatal(err)
			}
			attach(t, d)
			r := Record{ID: d.ID, Name: d.Name, AutoRemove: true, Volumes: d.Mounted()}
			if err := d.save(r, &specs.Spec{Process: &specs.Process{Args: []string{"true"}}}, State{Status: Running, Pid: 4711}); err != nil {
				t.Fatal(err)
			}
			die(t, d)
		}, named},
		"a container that is kept": {func(t *testing.T, c *Containers) { kept(t, c, "box", nil) }, both},
		"removed without -v": {func(t *testing.T, c *Containers) {
			if err := c.Remove(kept(t, c, "box", nil), false); err != nil {
				t.Fatal(err)
			}
		}, both},
		"removed with -v": {func(t *testing.T, c *Containers) {
			if err := c.Remove(kept(t, c, "box", nil), true); err != nil {
				t.Fatal(err)
			}
		}, named},
		"one of two removed with -v": {func(t *testing.T, c *Containers) {
			first := kept(t, c, "box", nil)
			kept(t, c, "other", first.Volumes)
			if err := c.Remove(first, true); err != nil {
				t.Fatal(err)
			}
		}, both},
		"both removed with -v": {func(t *testing.T, c *Containers) {
			first := kept(t, c, "box", nil)
			other := kept(t, c, "other", first.Volumes)
			if err := errors.Join(c.Remove(first, true), c.Remove(other, true)); err != nil {
				t.Fatal(err)
			}
		}, named},
	} {
		t.Run(what, func(t *testing.T) {
			c := open(t)
			tt.leave(t, c)
			if err := c.Repair(); err != nil {
				t.Fatal(err)
			}
			if got := volumesOf(t, c); !slices.Equal(got, tt.want) {
				t.Errorf("the volumes are %q, want %q", got, tt.want)
			}
		})
	}
}

func TestVolumesInUse(t *testing.T) {
	c := open(t)
	ct := kept(t, c, "box", nil)
	used, ok := errors.AsType[*volume.InUseError](c.RemoveVolume("named"))
	if !ok || !slices.Equal(used.By, []string{ct.ID}) {
		t.Errorf("RemoveVolume of one in use: %v", used)
	}
	if err := errors.Join(c.Remove(ct, true), c.RemoveVolume("named")); err != nil {
		t.Error(err)
	}
	if got := volumesOf(t, c); len(got) > 0 {
		t.Errorf("there are %q", got)
	}
	// Of a draft that is being made nobody knows; but it holds its volumes.
	d, err := c.New(t.Context(), "draft")
	if err != nil {
		t.Fatal(err)
	}
	attach(t, d)
	if _, ok := errors.AsType[*volume.InUseError](c.RemoveVolume("named")); !ok {
		t.Error("a volume of a draft was removed")
	}
	if err := errors.Join(d.Discard(), c.RemoveVolume("named")); err != nil {
		t.Error(err)
	}
}

// A container without volumes costs no file of theirs.
func TestAttachOfNothing(t *testing.T) {
	c := open(t)
	d, err := c.New(t.Context(), "box")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Attach(t.Context(), nil, "/nosuch"); err != nil {
		t.Error(err)
	}
	if err := d.Discard(); err != nil {
		t.Error(err)
	}
	if list, _ := c.Volumes().List(); len(list) > 0 {
		t.Errorf("there are %v", list)
	}
	if _, err := os.Stat(c.data + "/../volumes"); !errors.Is(err, os.ErrNotExist) {
		t.Error("the store of volumes was made")
	}
}
