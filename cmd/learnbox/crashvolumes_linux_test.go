package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/learnbox/learnbox/internal/privtest"
)

// TestKillWithVolumes kills a command at every system call of a kind, from the first to the
// one after the last: while volumes are made and filled, and while they are removed. No
// anonymous volume may be left, and no volume that is filled by half.
func TestKillWithVolumes(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	b.needStrace(t)
	whole := b.must(t, "run", "--rm", "-v", "/etc", "tiny", "ls", "/etc")
	for what, c := range map[string]struct {
		prepare, args string
		calls         string
	}{
		"run":       {"", "run --rm --name crashed -v /home -v named:/etc tiny true", "mkdirat openat renameat renameat2 unlinkat fsync syncfs copy_file_range symlinkat flock"},
		"rm":        {"run --name crashed -v /home -v /etc tiny true", "rm -v crashed", "renameat unlinkat"},
		"volume rm": {"volume create named", "volume rm named", "renameat unlinkat"},
	} {
		for call := range strings.FieldsSeq(c.calls) {
			t.Run(what+"/"+call, func(t *testing.T) {
				privtest.NoTrace(t)
				for n := 1; ; n++ {
					if call == "openat" && n < 250 {
						n += 6 // there are many, and most of them read
					}
					if c.prepare != "" {
						b.must(t, strings.Fields(c.prepare)...)
					}
					inject := []string{"-o", "/dev/null", "-e", "trace=" + call, "-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", call, n)}
					err := b.strace(t, inject, append([]string{"learnbox"}, strings.Fields(c.args)...)).Run()
					b.volumesAtRest(t, whole)
					if t.Failed() {
						t.Fatalf("at number %d", n)
					}
					if err == nil {
						t.Logf("%d calls", n-1)
						return
					}
					if n > 1000 {
						t.Fatal("there is no end to it")
					}
				}
			})
		}
	}
}

// volumesAtRest wants the next commands to find all in order.
func (b bench) volumesAtRest(t *testing.T, whole string) {
	t.Helper()
	if b.must(t, "ps", "-aq") != "" {
		b.must(t, "rm", "-v", "crashed")
	}
	for name := range strings.FieldsSeq(b.must(t, "volume", "ls", "-q", "-f", "dangling=true")) {
		if name != "named" {
			t.Errorf("an anonymous volume is left")
		}
	}
	if got := b.must(t, "run", "--rm", "-v", "named:/etc", "tiny", "ls", "/etc"); got != whole {
		t.Errorf("the volume has %q, want %q", got, whole)
	}
	b.must(t, "volume", "prune", "-af")
	b.nothingLeft(t)
}
