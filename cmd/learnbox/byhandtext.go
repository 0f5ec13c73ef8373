package main

import (
	"path/filepath"
	"strings"
	"sync"

	"github.com/learnbox/learnbox/explain/byhand"
	"github.com/learnbox/learnbox/pull/store"
	"github.com/learnbox/learnbox/sandbox/spec"
)

// byHandOf returns what shows each step of a container as lines of shell.
func byHandOf(r toldRun) func(step string) []string {
	lines := sync.OnceValue(func() func(step string) []string {
		in := byhand.Input{
			ID: r.ID, Built: r.built, EtcDir: filepath.Join(r.dir, "etc"),
			Lower: r.Rootfs, Interactive: r.OpenStdin,
		}
		if err := machine(&in); err != nil {
			return func(string) []string { return nil } // the run itself has met it, and said so
		}
		return byhand.Lines(in)
	})
	return func(step string) []string { return alone(step, lines()(step)) }
}

// alone makes lines of the script readable by themselves. Where the script
// collects words that it puts before a command, the command stands with what
// follows it left open. The plan is cut: it holds the lines of other steps. Words
// for shellcheck(1) are left out.
func alone(step string, lines []string) []string {
	const most = 12
	var out []string
	for _, l := range lines {
		if len(out) == most && step == "init.plan" {
			return append(out, "# … and more: learnbox byhand prints the whole script")
		}
		if strings.HasPrefix(l, "# shellcheck ") {
			continue
		}
		if words, ok := strings.CutPrefix(l, `set -- "$@" `); ok {
			if strings.HasPrefix(words, "--") {
				words = "setpriv " + words // which an earlier step has begun
			}
			l = words + " …"
		} else if words, ok := strings.CutPrefix(l, "set -- "); ok {
			l = strings.TrimSuffix(words, ` "$@"`) + " …"
		}
		out = append(out, l)
	}
	return out
}

// noID stands for an ID where there is no container.
const noID = "0000000000000000000000000000000000000000000000000000000000000000"

// plainContainer is the config.json of an image that says nothing, run without
// flags.
func plainContainer(dir string) (spec.Result, error) {
	var flags runFlags
	return flags.build(&app{root: defaultRoot}, noID, dir, store.Image{}, "/", []string{"sh"})
}

// byHandText shows a step of a plain container as lines of shell, indented; on a
// machine where no container can be built it is empty.
func byHandText(step string) string {
	const dir = defaultRoot + "/containers/ID"
	built, err := plainContainer(dir)
	if err != nil {
		return ""
	}
	in := byhand.Input{ID: noID, Built: built, EtcDir: dir + "/etc", Lower: defaultRoot + "/rootfs/IMAGE"}
	if err := machine(&in); err != nil {
		return ""
	}
	lines := byhand.Lines(in)(step)
	if step == "cgroup.limit" || step == "limits.pids" {
		lines = byhand.BothVersions(in, step)
	}
	var b strings.Builder
	for _, l := range alone(step, lines) {
		b.WriteString("    " + l + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}
