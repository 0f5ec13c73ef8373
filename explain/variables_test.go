package explain

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/learnbox/learnbox/explain/stop"
)

// groupsWith makes directories of control groups, with files in them: "memory/memory.max".
func groupsWith(t *testing.T, dirs []string, files ...string) (all []string) {
	t.Helper()
	root := t.TempDir()
	for _, dir := range dirs {
		all = append(all, filepath.Join(root, dir))
		if err := os.Mkdir(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range files {
		if err := os.WriteFile(filepath.Join(root, file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestVariablesOfControlGroups(t *testing.T) {
	for _, c := range []struct {
		name                string
		dirs, files, limits []string
		want                string // $CGROUP, $PIDS and $LIMITS, below the root of all groups
	}{
		{
			name:   "version 1",
			dirs:   []string{"cpu", "devices", "memory", "pids"},
			files:  []string{"devices/devices.list", "memory/memory.limit_in_bytes", "pids/pids.max"},
			limits: []string{"memory.limit_in_bytes", "pids.max"},
			want:   "memory, pids, devices/devices.list memory/memory.limit_in_bytes",
		},
		{
			name:   "version 2",
			dirs:   []string{"g"},
			files:  []string{"g/cgroup.controllers", "g/memory.max", "g/pids.max"},
			limits: []string{"memory.max", "memory.swap.max", "pids.max"},
			want:   "g, g, g/memory.max",
		},
		{
			name:  "version 2 without limits",
			dirs:  []string{"g"},
			files: []string{"g/cgroup.controllers"},
			want:  "g, g, g/cgroup.controllers",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			groups := groupsWith(t, c.dirs, c.files...)
			root := filepath.Dir(groups[0])
			v := VariablesOf(stop.Place{Groups: groups, Limits: c.limits}, "/r")
			got := strings.ReplaceAll(v.Expand("$CGROUP, $PIDS, $LIMITS"), root+"/", "")
			if got != c.want {
				t.Errorf("the variables are %q, want %q", got, c.want)
			}
		})
	}
}

// TestMerged: the container's root is below its directory, as the kernel calls that, until it is
// the root.
func TestMerged(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	teller, err := New(t.Context(), Options{Out: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	defer teller.Close()
	teller.Know(Known{ID: "abc", Dir: link})
	p := teller.place
	p.Done = []string{"rootfs.shm"}
	if got, want := VariablesOf(p, "/r").Expand("$MERGED/dev"), dir+"/merged/dev"; got != want {
		t.Errorf("before the pivot it is %q, want %q", got, want)
	}
	p.Done = append(p.Done, "rootfs.pivot")
	if got := VariablesOf(p, "/r").Expand("$MERGED/dev"); got != "/dev" {
		t.Errorf("after the pivot it is %q, want /dev", got)
	}
}
