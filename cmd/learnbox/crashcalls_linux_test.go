package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/learnbox/learnbox/internal/privtest"
)

// TestKillAtEveryCall kills whoever makes the n-th system call of a kind that
// changes files, from the first to the one after the last: between the steps
// of a run, while it ends, while a container is removed, and while a command
// clears away what an earlier one left.
func TestKillAtEveryCall(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	b.needStrace(t)
	keep := func(t *testing.T) { t.Helper(); b.must(t, "run", "--name", "crashed", "tiny", "true") }
	crash := func(kept bool) func(*testing.T) {
		return func(t *testing.T) {
			t.Helper()
			args := runOfAllSteps(kept)
			cmd := b.command(t, args[0], args[1:]...)
			who := "parent"
			if kept {
				who = "monitor"
			}
			cmd.Env = append(cmd.Env, killEnv+"="+who+"@init.go")
			if err := cmd.Run(); err == nil {
				t.Fatal("learnbox survived its own death")
			}
		}
	}
	renamed := func(t *testing.T) {
		t.Helper()
		name := strings.TrimSpace(b.must(t, "ps", "-a", "--format", "{{.Names}}"))
		if links, err := os.ReadDir(filepath.Join(b.root, "containers", "names")); err != nil || len(links) != 1 || links[0].Name() != name {
			t.Errorf("of the container %s the links are %v", name, links)
		}
		b.must(t, "inspect", "--type", "container", name)
		if name == "renamed" {
			b.must(t, "rename", "renamed", "crashed")
		}
	}
	for what, c := range map[string]struct {
		prepare func(*testing.T)
		args    string
		calls   string
		after   func(*testing.T)
	}{
		"run":                 {nil, "run --name crashed tiny true", "mkdirat symlinkat renameat unlinkat flock", nil},
		"run --rm":            {nil, "run --rm --name crashed tiny true", "mkdirat symlinkat renameat unlinkat", nil},
		"rm":                  {keep, "rm crashed", "renameat unlinkat", nil},
		"rename":              {keep, "rename crashed renamed", "symlinkat renameat unlinkat flock fsync", renamed},
		"ps after a run":      {crash(true), "ps -a", "renameat unlinkat", nil},
		"ps after a run --rm": {crash(false), "ps -a", "renameat unlinkat", nil},
	} {
		for call := range strings.FieldsSeq(c.calls) {
			t.Run(what+"/"+call, func(t *testing.T) {
				privtest.NoTrace(t)
				for n := 1; ; n++ {
					if c.prepare != nil {
						c.prepare(t)
					}
					inject := []string{"-o", "/dev/null", "-e", "trace=" + call, "-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", call, n)}
					err := b.strace(t, inject, append([]string{"learnbox"}, strings.Fields(c.args)...)).Run()
					if c.after != nil {
						c.after(t)
					}
					b.atRest(t, what != "run --rm" && what != "ps after a run --rm")
					if t.Failed() {
						t.Fatalf("at number %d", n)
					}
					if err == nil {
						t.Logf("%d calls", n-1)
						return
					}
					if n == 100 {
						t.Fatal("there is no end to it")
					}
				}
			})
		}
	}
}
