package cgroup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// read is what the file of a setting holds.
func (g *Group) read(t *testing.T, s Setting) string {
	t.Helper()
	text, err := readFile(g.file(s))
	if errors.Is(err, fs.ErrNotExist) && s.Else != nil {
		return g.read(t, *s.Else)
	}
	if err != nil {
		t.Error(err)
	}
	return text
}

// controlled is the hierarchy with limits: a hybrid machine's tree of version 2
// has none.
func controlled(t *testing.T) Hierarchy {
	t.Helper()
	all := layouts(t)
	if h, ok := all["v1"]; ok {
		return h
	}
	return all["v2"]
}

func TestLimitsStandInTheFiles(t *testing.T) {
	h := controlled(t)
	g := mustCreate(t, h)
	r := resources(t, `{"memory": {"limit": 67108864, "swap": 134217728, "reservation": 33554432}, "cpu": {"shares": 512, "quota": 50000, "period": 100000,
		"cpus": "0", "mems": "0"}, "pids": {"limit": 20}, "blockIO": {"weight": 300}}`)
	warnings, err := g.Limit(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range h.Settings(r) {
		if slices.Contains(warnings, s.Lack) {
			continue // not on this machine, and said so
		}
		if got := g.read(t, s); got != s.Value && (s.Else == nil || got != s.Else.Value) && !strings.HasPrefix(got, "default "+s.Value) {
			t.Errorf("%s holds %q, want %q", s.File, got, s.Value)
		}
	}
	t.Logf("warnings %q", warnings)
}

// Both limits of memory are raised, and lowered, while they hold.
func TestMemoryIsRaisedAndLowered(t *testing.T) {
	h := controlled(t)
	if h.Dir("memory") == "" {
		t.Skip("no controller memory")
	}
	g := mustCreate(t, h)
	for _, config := range []string{
		`{"memory": {"limit": 67108864, "swap": 67108864}}`, `{"memory": {"limit": 268435456, "swap": 268435456}}`,
		`{"memory": {"limit": 33554432, "swap": 67108864}}`, `{"memory": {"limit": 134217728, "swap": -1}}`,
	} {
		r := resources(t, config)
		if _, err := g.Limit(r); err != nil {
			t.Errorf("%s: %v", config, err)
			continue
		}
		s := h.Settings(r)
		at := slices.IndexFunc(s, func(s Setting) bool { return s.File == "memory.limit_in_bytes" || s.File == "memory.max" })
		if got := g.read(t, s[at]); got != s[at].Value {
			t.Errorf("%s: %s holds %s", config, s[at].File, got)
		}
	}
}

func TestLimitsThatTheKernelRefuses(t *testing.T) {
	h := controlled(t)
	for name, config := range map[string]string{
		"processors that are not there": `{"cpu": {"cpus": "4000-5000"}}`,
		"no list":                       `{"cpu": {"cpus": "x"}}`,
		"a quota below the least":       `{"cpu": {"quota": 10}}`,
		"a disk that is not there":      `{"blockIO": {"throttleReadBpsDevice": [{"major": 240, "minor": 77, "rate": 1}]}}`,
	} {
		g := mustCreate(t, h)
		_, err := g.Limit(resources(t, config))
		var hint interface{ Hint() string }
		if !errors.As(err, &hint) || hint.Hint() == "" {
			t.Errorf("%s: error %v, want one with a hint", name, err)
		}
		if err := g.Remove(); err != nil {
			t.Error(err)
		}
	}
}

func TestWhatAMachineLacksIsTold(t *testing.T) {
	h := controlled(t)
	h.Trees = slices.Clone(h.Trees)
	for i, tree := range h.Trees {
		h.Trees[i].Controllers = slices.DeleteFunc(slices.Clone(tree.Controllers), func(c string) bool { return c == "memory" })
	}
	h.Trees = slices.DeleteFunc(h.Trees, func(tree Tree) bool { return h.Version == 1 && len(tree.Controllers) == 0 })
	g := mustCreate(t, h)
	warnings, err := g.Limit(resources(t, `{"memory": {"limit": 67108864, "swap": 134217728}}`))
	if err != nil || len(warnings) != 1 || !strings.HasPrefix(warnings[0], lackMemory) || !strings.Contains(warnings[0], "controller memory") {
		t.Errorf("warnings %q, %v", warnings, err)
	}
	if g.OOMKills() != 0 {
		t.Error("who counts them?")
	}
}

// The group above was made by somebody else, and may hold limits of its own.
func TestForeignGroupsAboveStay(t *testing.T) {
	for name, h := range layouts(t) {
		t.Run(name, func(t *testing.T) {
			path := testPath(t, h)
			top := filepath.Dir(path)
			if err := os.Mkdir(h.Trees[0].Dir+"/"+top, 0o755); err != nil {
				t.Fatal(err)
			}
			g, err := Create(h, path)
			if err != nil {
				t.Fatal(err)
			}
			if err := g.Remove(); err != nil {
				t.Error(err)
			}
			for i, tree := range h.Trees {
				_, err := os.Stat(tree.Dir + "/" + top)
				if (err == nil) != (i == 0) {
					t.Errorf("%s: %v", tree.Dir, err)
				}
			}
			if err := unix.Rmdir(h.Trees[0].Dir + "/" + top); err != nil {
				t.Error(err)
			}
		})
	}
}

// Version 2 lets no group have both processes and limited groups below it.
func TestAGroupAboveWithProcessesIsRefused(t *testing.T) {
	h := controlled(t)
	if h.Version != 2 || h.Dir("memory") == "" {
		t.Skip("only version 2 is like that")
	}
	path := testPath(t, h)
	above, err := Create(h, filepath.Dir(path)) // one that learnbox made itself would have handed controllers down
	if err != nil {
		t.Fatal(err)
	}
	run(t, above, sleeper(t))
	g, err := Create(h, path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.Limit(resources(t, `{"memory": {"limit": 67108864}}`))
	var hint interface{ Hint() string }
	if !errors.As(err, &hint) || !strings.Contains(hint.Hint(), "--cgroup-parent") {
		t.Errorf("error %v, want one with a hint", err)
	}
	if err := errors.Join(above.Kill(), above.Remove()); err != nil {
		t.Error(err)
	}
}
