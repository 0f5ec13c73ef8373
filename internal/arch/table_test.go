package arch

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// rules are the two tables of docs/architecture.md.
type rules struct {
	// imports: package, as a folder of this repository, to the folders it may
	// import. A nil list is everything; "sandbox/..." is sandbox and all below it.
	imports map[string][]string
	// fences: import path of a foreign module to the folders that may import it, or
	// to files, as in "cmd/learnbox/*_test.go".
	fences map[string][]string
}

// Headings under which the tables stand.
const (
	importsHeading = "## Who may import what"
	fencesHeading  = "## Who may import what from outside"
)

// parseRules reads the tables.
func parseRules(markdown string) (rules, error) {
	r := rules{imports: map[string][]string{}, fences: map[string][]string{}}
	for heading, into := range map[string]map[string][]string{importsHeading: r.imports, fencesHeading: r.fences} {
		rows := tableUnder(markdown, heading)
		if len(rows) == 0 {
			return r, fmt.Errorf("no table under %q", heading)
		}
		for _, row := range rows {
			subjects, list := quoted(row[0]), quoted(row[1])
			switch word := strings.TrimSpace(row[1]); {
			case len(subjects) == 0:
				return r, fmt.Errorf("%s: the first cell %q names nothing in backticks", heading, row[0])
			case word == "nothing":
				list = []string{}
			case word == "everything":
				list = nil
			case len(list) == 0:
				return r, fmt.Errorf("%s: the second cell %q is neither nothing, everything nor a list in backticks", heading, row[1])
			}
			for _, s := range subjects {
				if _, twice := into[s]; twice {
					return r, fmt.Errorf("%s: %s has two rows", heading, s)
				}
				into[s] = list
			}
		}
	}
	return r, nil
}

// tableUnder returns the rows of the first table under a heading, without its head.
func tableUnder(markdown, heading string) [][]string {
	_, body, ok := strings.Cut(markdown, "\n"+heading+"\n")
	if !ok {
		return nil
	}
	var rows [][]string
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") || line == "" && len(rows) > 0 {
			break
		}
		if cells := strings.Split(strings.Trim(line, "|"), "|"); strings.HasPrefix(line, "|") && len(cells) >= 2 {
			rows = append(rows, cells)
		}
	}
	if len(rows) < 3 {
		return nil
	}
	return rows[2:] // without the head and the line below it
}

// quoted returns what stands in backticks.
func quoted(cell string) []string {
	var words []string
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1) {
		words = append(words, m[1])
	}
	return words
}

// readRules reads the tables of the repository.
func readRules(t *testing.T, repo fs.FS) rules {
	t.Helper()
	doc, err := fs.ReadFile(repo, "docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	r, err := parseRules(string(doc))
	if err != nil {
		t.Fatalf("docs/architecture.md: %v", err)
	}
	return r
}

const toyTables = `
## Who may import what

Some words.

| package | may import | why |
| --- | --- | --- |
| ` + "`leaf`, `other`" + ` | nothing | leaves |
| ` + "`mid` | `leaf`" + ` | |
| ` + "`cmd/x`" + ` | everything | |
| ` + "`top` | `mid/...`" + ` | |

| another | table |
| --- | --- |
| ` + "`no` | `no`" + ` |

## Who may import what from outside

| module | only in | why |
| --- | --- | --- |
| ` + "`example.org/cli` | `cmd/...`, `mid/*_test.go`" + ` | |
`

func TestParseRules(t *testing.T) {
	got, err := parseRules(toyTables)
	if err != nil {
		t.Fatal(err)
	}
	want := rules{
		imports: map[string][]string{"leaf": {}, "other": {}, "mid": {"leaf"}, "cmd/x": nil, "top": {"mid/..."}},
		fences:  map[string][]string{"example.org/cli": {"cmd/...", "mid/*_test.go"}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(rules{})); diff != "" {
		t.Errorf("parseRules: (-want +got)\n%s", diff)
	}
	for name, doc := range map[string]string{
		"no table":         strings.ReplaceAll(toyTables, "|", ""),
		"a row twice":      strings.ReplaceAll(toyTables, "`other`", "`leaf`"),
		"a cell of prose":  strings.ReplaceAll(toyTables, "| nothing |", "| a few |"),
		"a nameless row":   strings.ReplaceAll(toyTables, "`cmd/x`", "cmd/x"),
		"a heading is off": strings.ReplaceAll(toyTables, "from outside", "foreign"),
	} {
		if _, err := parseRules(doc); err == nil {
			t.Errorf("%s: parseRules found nothing wrong", name)
		}
	}
}

func TestViolations(t *testing.T) {
	r, err := parseRules(toyTables)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ file, imports, want string }{
		"a leaf imports the standard library": {"leaf/a.go", "fmt", ""},
		"a leaf imports one of ours":          {"leaf/a.go", module + "/mid", "leaf may not import mid"},
		"a listed import":                     {"mid/a.go", module + "/leaf", ""},
		"an import that is not listed":        {"mid/a.go", module + "/other", "mid may not import other"},
		"a tree, its root":                    {"top/a.go", module + "/mid", ""},
		"a tree, a branch":                    {"top/a.go", module + "/mid/deep", ""},
		"a tree, its neighbour":               {"top/a.go", module + "/middle", "top may not import middle"},
		"everything":                          {"cmd/x/a.go", module + "/mid", ""},
		"a package without a row":             {"new/a.go", "fmt", "new has no row"},
		"cgo":                                 {"cmd/x/a.go", "C", "cmd/x may not import C"},
		"a fenced module in its place":        {"cmd/x/a.go", "example.org/cli/sub", ""},
		"a fenced module elsewhere":           {"mid/a.go", "example.org/cli", "mid may not import example.org/cli"},
		"a fenced module, tests only":         {"mid/a_test.go", "example.org/cli", ""},
		"a module with a longer name":         {"mid/a.go", "example.org/client", ""},
		"a test may import a test helper":     {"leaf/a_test.go", module + "/internal/privtest", ""},
		"a program may not":                   {"leaf/a.go", module + "/internal/privtest", "leaf may not import internal/privtest"},
		"a test from outside its package":     {"leaf/a_test.go", module + "/leaf", ""},
		"a test is bound otherwise":           {"leaf/a_test.go", module + "/mid", "leaf may not import mid"},
		"a file for another system counts":    {"leaf/a_windows.go", module + "/mid", "leaf may not import mid"},
		"what go build ignores is no package": {"leaf/testdata/a.go", module + "/mid", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			repo := fstest.MapFS{tt.file: {Data: fmt.Appendf(nil, "package a\n\nimport _ %q\n", tt.imports)}}
			got, err := violations(repo, r)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Join(got, "\n")
			if !strings.Contains(text, tt.want) || (text == "") != (tt.want == "") {
				t.Errorf("%s importing %s: %q, want %q", tt.file, tt.imports, text, tt.want)
			}
		})
	}
}
