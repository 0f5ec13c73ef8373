package evidence

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

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

func TestMountedBy(t *testing.T) {
	const table = `29 1 8:1 / / rw - ext4 /dev/sda1 rw
30 29 0:9 / /dev/shm rw - tmpfs tmpfs rw
40 29 0:40 / MERGED/ rw - overlay overlay rw
41 40 0:41 / MERGED/proc rw - proc proc rw
42 40 0:42 / MERGED/dev/shm rw - tmpfs shm rw
43 40 0:43 / MERGED/dev/console rw - devpts devpts rw
44 40 0:44 / MERGED/sys/fs/cgroup ro - tmpfs tmpfs rw
45 44 0:45 /g MERGED/sys/fs/cgroup/cpu ro - cgroup cgroup rw
46 40 8:1 /c/etc/hosts MERGED/etc/hosts rw - ext4 /dev/sda1 rw
47 40 8:1 /srv MERGED/srv/data rw - ext4 /dev/sda1 rw
48 41 0:41 /sys MERGED/proc/sys ro - proc proc rw
`
	for step, want := range map[string]string{
		"rootfs.overlay": "40", "rootfs.pivot": "40", "rootfs.readonly": "40", "rootfs.proc": "41", "rootfs.shm": "42", "tty.open": "43",
		"rootfs.cgroup": "44 45", "rootfs.etc": "46", "rootfs.volumes": "47", "rootfs.mask": "48", "rootfs.sys": "",
	} {
		for merged, lines := range map[string]string{
			"/c/merged": strings.ReplaceAll(strings.ReplaceAll(table, "MERGED/ ", "/c/merged "), "MERGED", "/c/merged"),
			"":          strings.ReplaceAll(table[strings.Index(table, "40"):], "MERGED", ""),
		} {
			var got []string
			for line := range strings.Lines(lines) {
				if mountedBy(step)(Subject{Merged: merged}, line) {
					got = append(got, line[:2])
				}
			}
			if strings.Join(got, " ") != want {
				t.Errorf("with the root at %q the rows of %s are %q, want %q", merged, step, got, want)
			}
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
	if len(got) != 6 || got[0].After != "new" || got[1].Before != "a" || got[5].Before != "3 more of them" {
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

// TestAProcessThatEndedWasNotRead looks at a program that has ended before anybody could look.
func TestAProcessThatEndedWasNotRead(t *testing.T) {
	if _, err := os.Stat("/proc/self/exe"); err != nil {
		t.Skip("needs Linux")
	}
	program := exec.Command("cat")
	in, err := program.StdinPipe()
	if err == nil {
		err = program.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	s := Subject{Pid: program.Process.Pid}
	var w Watcher
	watch := w.Begin("process.exec", s.AtOnce())
	in.Close()
	for s.stat()[0] != "Z" { // it stays a zombie until somebody waits for it
		time.Sleep(time.Millisecond)
	}
	facts := map[string]narrate.Fact{}
	for _, f := range watch.End(s.AtOnce())() {
		facts[f.Fact] = f
	}
	exit := w.Begin("process.exit", s.AtOnce())
	if err := program.Wait(); err != nil {
		t.Fatal(err)
	}
	want := []narrate.Fact{{Fact: "State", Source: s.proc("status"), Before: "Z (zombie)"}}
	if got := exit.End(s.AtOnce())(); !reflect.DeepEqual(got, want) {
		t.Errorf("its end: %+v, want %+v", got, want)
	}
	for _, name := range []string{"program", "open files"} {
		if f := facts[name]; f.Unread == "" || f.Before == "" || f.After != "" {
			t.Errorf("%s: %+v, want that it was not read", name, f)
		}
	}
	if f := facts["Name"]; f.After != "cat" || f.Unread != "" {
		t.Errorf("a zombie has a name: %+v", f)
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
