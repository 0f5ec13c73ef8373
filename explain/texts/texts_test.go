package texts

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// outside are the steps of a run that the tables of sandbox do not have.
var outside = []string{"image.resolve", "image.pull", "image.unpack", "container.create", "monitor.start", "process.exit"}

// lessonIDs are the lessons of the catalogue.
var lessonIDs = []string{
	"ready/doctor", "ready/terminals",
	"engine/runtime", "engine/docker-runc", "engine/parts", "engine/client-server", "engine/history",
	"images/pull", "images/registry", "images/digests", "images/layers", "images/overlayfs", "images/flatten",
	"running/run", "running/background", "running/names", "running/start-stop", "running/life", "running/terminals", "running/pty", "running/namespaces",
	"namespaces/uts", "namespaces/pid", "namespaces/mount", "namespaces/net", "namespaces/ipc", "namespaces/user", "namespaces/cgroup", "namespaces/time", "namespaces/enter", "namespaces/lifetime",
	"files/chroot", "files/pivot_root", "files/propagation", "files/proc-sys-dev", "files/volumes",
	"resources/versions", "resources/memory", "resources/cpu", "resources/pids", "resources/freezing", "resources/cleanup",
	"security/capabilities", "security/no-new-privs", "security/seccomp", "security/rootless", "security/lsm", "security/escapes",
	"network/veth", "network/bridge", "network/nat", "network/ports",
	"processes/pid1", "processes/zombies", "processes/shim",
	"specs/runtime-spec", "specs/hooks", "specs/compare", "specs/by-hand", "specs/assemble", "specs/clinic", "specs/final",
}

// tableSteps reads the ids out of the table of steps. It reads the source, so
// that this package and its tests import nothing, and run on any system.
func tableSteps(t *testing.T) []string {
	t.Helper()
	ids := append(rows(t, "../../sandbox/steps_linux.go"), rows(t, "../../sandbox/enter_linux.go")...)
	if len(ids) < 30 {
		t.Fatalf("found only %d steps in the tables", len(ids))
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// rows are the ids in the tables of one file.
func rows(t *testing.T, name string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		name, ok := call.Fun.(*ast.Ident)
		if !ok || name.Name != "row" {
			return true
		}
		id, ok := call.Args[0].(*ast.BasicLit)
		if !ok {
			t.Fatalf("a row of the table begins with something else than its id")
		}
		word, err := strconv.Unquote(id.Value)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, word)
		return true
	})
	return ids
}

func TestEveryStepHasAText(t *testing.T) {
	want := append(tableSteps(t), outside...)
	slices.Sort(want)
	got := Steps()
	for _, id := range want {
		if !slices.Contains(got, id) {
			t.Errorf("the step %s has no text", id)
		}
	}
	for _, id := range got {
		if !slices.Contains(want, id) {
			t.Errorf("steps/%s.md is about no step", id)
		}
	}
}

func TestEveryFileParses(t *testing.T) {
	for _, id := range Steps() {
		check(t, "steps", id, func(data []byte) error { _, err := parseStep(id, data); return err })
	}
	for _, name := range Errors() {
		check(t, "errors", name, func(data []byte) error { _, err := parseError(name, data); return err })
	}
	for _, name := range Terms() {
		check(t, "terms", name, func(data []byte) error { _, err := parseTerm(name, data); return err })
	}
}

func check(t *testing.T, folder, name string, parses func([]byte) error) {
	t.Helper()
	data, err := files.ReadFile(path.Join(folder, name+extension))
	if err != nil {
		t.Fatal(err)
	}
	if err := parses(data); err != nil {
		t.Errorf("%s: %v", folder, err)
	}
	for i, line := range strings.Split(string(data), "\n") {
		switch {
		case utf8.RuneCountInString(line) > 80:
			t.Errorf("%s/%s.md:%d: more than 80 columns", folder, name, i+1)
		case strings.TrimRight(line, " ") != line, strings.Contains(line, "\t"):
			t.Errorf("%s/%s.md:%d: a tab, or blanks at the end", folder, name, i+1)
		}
	}
	if !strings.HasSuffix(string(data), "\n") {
		t.Errorf("%s/%s.md does not end with a line feed", folder, name)
	}
}

func TestStepsPointSomewhere(t *testing.T) {
	for _, id := range Steps() {
		s, _ := ForStep(id)
		if !slices.Contains(lessonIDs, s.Lesson) {
			t.Errorf("%s: there is no lesson %s", id, s.Lesson)
		}
		pages(t, id, s.Man)
		for _, v := range s.Look.Variables() {
			if Meaning(v) == "" {
				t.Errorf("%s: the command uses $%s, of which nobody says what it stands for", id, v)
			}
		}
	}
}

func TestErrorsPointSomewhere(t *testing.T) {
	steps := Steps()
	for _, name := range Errors() {
		call, errno, _ := strings.Cut(name, "-")
		e, ok := ForError(call, errno)
		if !ok || e.Call != call || e.Errno != errno {
			t.Errorf("ForError(%q, %q) = %v, %v", call, errno, e, ok)
		}
		for _, id := range e.Steps {
			if !slices.Contains(steps, id) {
				t.Errorf("%s: there is no step %s", name, id)
			}
		}
		pages(t, name, e.Man)
	}
}

func pages(t *testing.T, name string, man []string) {
	t.Helper()
	for _, page := range man {
		if !regexp.MustCompile(`^[\w.-]+\([1-8]\)$`).MatchString(page) {
			t.Errorf("%s: %s is no manual page with its section", name, page)
		}
	}
}

func TestTermsPointSomewhere(t *testing.T) {
	steps, terms := Steps(), Terms()
	for _, name := range terms {
		term, _ := ForTerm(name)
		for _, id := range term.See {
			if id == name || !slices.Contains(steps, id) && !slices.Contains(terms, id) {
				t.Errorf("%s: see %s, which is neither a step nor another term", name, id)
			}
		}
		if n := strings.Count(read(t, name), "\n"); n > 14 {
			t.Errorf("%s has %d lines, which is too long", name, n)
		}
	}
}

func read(t *testing.T, term string) string {
	t.Helper()
	data, err := files.ReadFile("terms/" + term + extension)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A word must not mean one thing as a name and another as an alias.
func TestNamesOfTermsAreUnique(t *testing.T) {
	taken := map[string]string{}
	for _, name := range Terms() {
		term, _ := ForTerm(name)
		for i, word := range append([]string{name}, term.Also...) {
			w := hyphened(word)
			if i > 0 && w == name {
				continue // the name with blanks
			}
			if owner := taken[w]; owner != "" {
				t.Errorf("%q means %s and %s", word, owner, name)
			}
			taken[w] = name
			if got, ok := ForTerm(word); !ok || got.Name != name {
				t.Errorf("ForTerm(%q) = %s, %v, want %s", word, got.Name, ok, name)
			}
		}
	}
}

func TestListsAreSorted(t *testing.T) {
	for kind, names := range map[string][]string{"steps": Steps(), "errors": Errors(), "terms": Terms()} {
		if len(names) == 0 || !slices.IsSorted(names) {
			t.Errorf("%s are not sorted: %v", kind, names)
		}
	}
}
