package evidence

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/learnbox/learnbox/narrate"
)

func TestMountRow(t *testing.T) {
	for line, want := range map[string]string{
		"29 1 8:1 / /x rw,noatime shared:1 - ext4 /dev/sda1 rw": "ext4 on /x (rw,noatime)",
		"30 1 8:1 /etc/a /b ro - ext4 /dev/sda1 rw":             "ext4 /etc/a on /b (ro)",
		"31 1 0:9 / /c/ID/merged/proc rw - proc proc rw":        "proc on MERGED/proc (rw)",
		"no row": "no row",
	} {
		if got := mountRow(Subject{Dir: "/c/ID"}, line); got != want {
			t.Errorf("mountRow(%q) = %q, want %q", line, got, want)
		}
	}
}

func TestMinus(t *testing.T) {
	for _, c := range []struct {
		name       string
		a, b, want []string
	}{
		{"grew at the end", []string{"1", "2", "3"}, []string{"1", "2"}, []string{"3"}},
		{"grew in the middle", []string{"1", "x", "2"}, []string{"1", "2"}, []string{"x"}},
		{"twice is not once", []string{"1", "1"}, []string{"1"}, []string{"1"}},
		{"shrank", []string{"2"}, []string{"1", "2"}, nil},
	} {
		if got := minus(c.a, c.b); !reflect.DeepEqual(got, c.want) && len(got)+len(c.want) > 0 {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestFactsAreWhatChanged looks at a directory that a step fills.
func TestFactsAreWhatChanged(t *testing.T) {
	dir := t.TempDir()
	s := Subject{Dir: dir}
	var w Watcher
	watch := w.Begin("container.save", s.AtOnce())
	if err := os.WriteFile(filepath.Join(dir, "state"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	want := []narrate.Fact{{Fact: "files", Source: dir, After: "state"}}
	if got := watch.End(s.AtOnce())(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := Now("container.save", s); len(got) != 1 || got[0].After != "state" {
		t.Errorf("now: %+v", got)
	}
}

func TestChangesOfAListAreEntries(t *testing.T) {
	p := probe{fact: "f", list: true}
	got := changes(p, Subject{}, "/s", []string{"a", "b", "c", "d", "e", "f", "g"}, []string{"new"})
	if len(got) != 6 || got[0].After != "new" || got[1].Before != "a" || got[5].Before != "and more" {
		t.Errorf("got %+v", got)
	}
}

func TestWhatIsNotThereHasNoFacts(t *testing.T) {
	for _, step := range []string{"ns.uts", "caps.set", "rootfs.pivot", "tty.session", "no.step"} {
		if got := Now(step, Subject{Pid: 1 << 30}); len(got) > 0 {
			t.Errorf("%s of no process: %+v", step, got)
		}
	}
}

func TestThisProcess(t *testing.T) {
	s := Subject{Pid: os.Getpid()}
	for _, step := range []string{"ns.uts", "ns.mount", "caps.set", "tty.session", "process.exec", "process.cwd", "limits.rlimits", "host.name"} {
		if got := Now(step, s); len(got) == 0 {
			t.Skipf("%s shows nothing: is this Linux?", step)
		}
	}
}
