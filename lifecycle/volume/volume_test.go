package volume

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func open(t *testing.T) Store {
	t.Helper()
	return Open(filepath.Join(t.TempDir(), "volumes"))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func nobody() ([]string, error) { return nil, nil }

func TestCheckName(t *testing.T) {
	for _, name := range []string{"ab", "a1", "Data_1.x-y", "0.", strings.Repeat("f", 64), strings.Repeat("a", 255)} {
		if err := CheckName(name); err != nil {
			t.Errorf("CheckName(%q) = %v", name, err)
		}
	}
	for name, want := range map[string]string{
		"":                       `create : "" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed`,
		"a":                      "create a: volume name is too short, names should be at least two alphanumeric characters",
		"..":                     `".." includes invalid characters`,
		".new-1":                 "includes invalid",
		"-a":                     "includes invalid",
		"a/b":                    "If you intended to pass a host directory, use absolute path",
		"/ab":                    "includes invalid",
		"a\x00b":                 "includes invalid",
		"äö":                     "includes invalid",
		"a b":                    "includes invalid",
		strings.Repeat("a", 256): "includes invalid",
	} {
		err := CheckName(name)
		if _, ok := errors.AsType[*NameError](err); !ok || !strings.Contains(err.Error(), want) {
			t.Errorf("CheckName(%q) = %v, want %s", name, err, want)
		}
	}
}

func TestCreate(t *testing.T) {
	s := open(t)
	if list, err := s.List(); len(list) > 0 || err != nil {
		t.Errorf("before the first one there are %v, %v", list, err)
	}
	first := Volume{Name: "data", Created: time.Unix(1, 0).UTC(), Labels: map[string]string{"a": "b"}}
	must(t, s.Create(first))
	must(t, os.WriteFile(filepath.Join(s.Data("data"), "f"), nil, 0o600))
	must(t, s.Create(Volume{Name: "data", Created: time.Now()}))
	must(t, s.Create(Volume{Name: "an", Labels: map[string]string{AnonymousLabel: ""}}))
	if v, err := s.Get("data"); err != nil || !v.Created.Equal(first.Created) || v.Labels["a"] != "b" || v.Anonymous() {
		t.Errorf("Get = %+v, %v, want the first one", v, err)
	}
	if v, _ := s.Get("an"); !v.Anonymous() {
		t.Error("what has the label is not anonymous")
	}
	for path, want := range map[string]os.FileMode{"": 0o701, "data": 0o701, "data/_data": 0o755, "data/volume.json": 0o600} {
		if fi, err := os.Stat(filepath.Join(s.dir, path)); err != nil || fi.Mode().Perm() != want {
			t.Errorf("%s has mode %v, %v, want %v", path, fi.Mode(), err, want)
		}
	}
	for _, name := range []string{"nope", "..", "", "a/b"} {
		if _, err := s.Get(name); !errors.Is(err, ErrNotFound) {
			t.Errorf("Get(%q) = %v, want ErrNotFound", name, err)
		}
	}
	must(t, os.WriteFile(s.record("an"), []byte("{"), 0o600))
	list, err := s.List()
	if len(list) != 1 || err == nil || !strings.Contains(err.Error(), "an/volume.json is damaged") {
		t.Errorf("List with a damaged one = %v, %v", list, err)
	}
	left(t, s, "an data")
}

// left compares all names in the store.
func left(t *testing.T, s Store, want string) {
	t.Helper()
	entries, err := os.ReadDir(s.dir)
	must(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got := strings.Join(names, " "); got != want {
		t.Errorf("there are %q, want %q", got, want)
	}
}

// TestTwoAtOnce makes, holds and removes the same volume from many sides: nobody who holds
// it loses it.
func TestTwoAtOnce(t *testing.T) {
	s := open(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				h, err := s.Hold(t.Context(), Volume{Name: "data"})
				if err != nil {
					t.Error(err)
					return
				}
				if err := os.WriteFile(filepath.Join(s.Data("data"), "f"), nil, 0o600); err != nil {
					t.Errorf("a volume that is held has no directory: %v", err)
				}
				if err := h.Release(); err != nil {
					t.Error(err)
				}
				_ = s.Sweep()
				if err := s.Remove("data", nobody); err != nil && !errors.Is(err, ErrNotFound) && !isInUse(err) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	_ = s.Remove("data", nobody)
	left(t, s, "")
}

func isInUse(err error) bool {
	_, ok := errors.AsType[*InUseError](err)
	return ok
}

func TestRemove(t *testing.T) {
	s := open(t)
	must(t, s.Create(Volume{Name: "data"}))
	err := s.Remove("data", func() ([]string, error) { return []string{"id1", "id2"}, nil })
	if !isInUse(err) || err.Error() != "remove data: volume is in use - [id1, id2]" {
		t.Errorf("Remove = %v", err)
	}
	broken := errors.New("cannot tell")
	if err := s.Remove("data", func() ([]string, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("Remove by somebody who cannot tell = %v", err)
	}
	h, err := s.Hold(t.Context(), Volume{Name: "data"})
	must(t, err)
	if err := s.Remove("data", nobody); !isInUse(err) || !strings.Contains(err.Error(), "[a container that is being made]") {
		t.Errorf("Remove of one that is held = %v", err)
	}
	go func() { // the container comes to be
		<-time.After(50 * time.Millisecond)
		h.Release() //nolint:errcheck // nothing was written
	}()
	asked := 0
	err = s.Remove("data", func() ([]string, error) {
		if asked++; asked < 2 {
			return nil, nil
		}
		return []string{"new"}, nil
	})
	if !isInUse(err) {
		t.Errorf("Remove did not look again: %v", err)
	}
	must(t, s.Remove("data", nobody))
	if err := s.Remove("data", nobody); !errors.Is(err, ErrNotFound) || err.Error() != "get data: no such volume" {
		t.Errorf("Remove of nothing = %v", err)
	}
	left(t, s, "")
}

func TestSweep(t *testing.T) {
	s := open(t)
	must(t, s.Sweep()) // of nothing
	must(t, s.Create(Volume{Name: "data"}))
	for _, dead := range []string{".new-1/_data", ".gone-2/data/_data"} {
		must(t, os.MkdirAll(filepath.Join(s.dir, dead), 0o700))
	}
	alive, err := s.draft()
	must(t, err)
	must(t, s.Sweep())
	left(t, s, filepath.Base(alive.Name())+" data")
	must(t, alive.Close())
	must(t, s.Sweep())
	left(t, s, "data")
}
