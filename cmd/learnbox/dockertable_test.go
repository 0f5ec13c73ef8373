package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A chapter of testdata/docker/commands.txt, and a command in it.
type chapter struct {
	title    string
	commands []command
}

type command struct {
	line    string
	takes   time.Duration
	differs map[string]string // what of the answer: the name of the difference
}

func readChapters(t *testing.T) []chapter {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "docker", "commands.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var all []chapter
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		title, opens := strings.CutPrefix(line, "== ")
		note, more := strings.CutPrefix(line, "  ")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case opens:
			all = append(all, chapter{title: title})
		case len(all) == 0:
			t.Fatalf("%q stands in no chapter", line)
		case !more:
			last := &all[len(all)-1]
			last.commands = append(last.commands, command{line: line, differs: map[string]string{}})
		default:
			commands := all[len(all)-1].commands
			commands[len(commands)-1].note(t, note)
		}
	}
	return all
}

// note reads an indented line.
func (c *command) note(t *testing.T, note string) {
	t.Helper()
	word, rest, _ := strings.Cut(note, ": ")
	name, where, _ := strings.Cut(rest, " in ")
	length, err := time.ParseDuration(rest)
	switch {
	case word == "takes" && err == nil:
		c.takes = length
	case word == "differs" && where != "":
		for what := range strings.SplitSeq(where, ", ") {
			if !slices.Contains([]string{"code", "stdout", "stderr"}, what) {
				t.Fatalf("%s: %q cannot differ", c.line, what)
			}
			c.differs[what] = name
		}
	default:
		t.Fatalf("%s: what does %q mean?", c.line, note)
	}
}

// TestDifferencesAreExplained compares the names of the differences in the table with
// those of the page: each has a reason, and no reason is left of one that is gone.
func TestDifferencesAreExplained(t *testing.T) {
	shown := map[string]bool{}
	for _, chapter := range readChapters(t) {
		for _, c := range chapter.commands {
			for _, name := range c.differs {
				shown[name] = true
			}
		}
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "differences-from-docker.md"))
	if err != nil {
		t.Fatal(err)
	}
	explained := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z0-9-]+)` \\|").FindAllStringSubmatch(string(page), -1) {
		explained[row[1]] = true
	}
	if diff := cmp.Diff(explained, shown); diff != "" {
		t.Errorf("docs/differences-from-docker.md -, testdata/docker/commands.txt +:\n%s", diff)
	}
}

// What no two runs have in common.
var unlike = []struct {
	what *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "ID"},
	{regexp.MustCompile(`\b[0-9a-f]{12}\b`), "ID"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`), "TIME"},
	{regexp.MustCompile(`Less than a second|(About an?|\d+) (second|minute)s?`), "A MOMENT"},
	{regexp.MustCompile(` {2,}`), "  "}, // columns are as wide as what is in them
	{regexp.MustCompile(`(?m) +$`), ""},
}

// alike is an output without what no two runs have in common.
func alike(output string) string {
	for _, u := range unlike {
		output = u.what.ReplaceAllString(output, u.as)
	}
	return output
}
