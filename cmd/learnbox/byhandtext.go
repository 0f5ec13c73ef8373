package main

import (
	"path/filepath"
	"strings"

	"github.com/learnbox/learnbox/explain/byhand"
	"github.com/learnbox/learnbox/pull/store"
)

// byHandOf returns what shows each step of a container as lines of shell.
func byHandOf(ct *created, rootfs string, interactive bool) (func(step string) []string, error) {
	in := byhand.Input{
		ID: ct.ID, Built: ct.built, EtcDir: filepath.Join(ct.Dir, "etc"),
		Lower: rootfs, Interactive: interactive,
	}
	if err := machine(&in); err != nil {
		return nil, err
	}
	return func(step string) []string { return alone(byhand.Lines(step, in)) }, nil
}

// alone makes lines of the script readable by themselves. Where the script
// collects words that it puts before a command, the command stands with what
// follows it left open; and what is long is cut.
func alone(lines []string) []string {
	const most = 12
	var out []string
	for i, l := range lines {
		if i == most {
			return append(out, "# … and more: learnbox byhand prints the whole script")
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

// byHandText shows a step of a plain container as lines of shell, indented; on a
// machine where no container can be built it is empty.
func byHandText(step string) string {
	const lower = "/var/lib/learnbox/rootfs/IMAGE"
	id := strings.Repeat("0", 64)
	var flags runFlags
	built, err := flags.build(id, "/var/lib/learnbox/containers/ID", store.Image{}, lower, []string{"sh"})
	if err != nil {
		return ""
	}
	in := byhand.Input{ID: id, Built: built, EtcDir: "/var/lib/learnbox/containers/ID/etc", Lower: lower}
	if err := machine(&in); err != nil {
		return ""
	}
	var b strings.Builder
	for _, l := range alone(byhand.Lines(step, in)) {
		b.WriteString("    " + l + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}
