package arch

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documents are the pages whose words about files are checked.
func documents(t *testing.T, repo fs.FS) []string {
	t.Helper()
	names := []string{"README.md", "CONTRIBUTING.md"}
	for _, pattern := range []string{"docs/*.md", "docs/decisions/*.md"} {
		more, err := fs.Glob(repo, pattern)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, more...)
	}
	return names
}

// TestDocumentsNameWhatExists checks every link to a file and every path in
// backticks that begins with one of our folders.
func TestDocumentsNameWhatExists(t *testing.T) {
	repo := repository(t)
	for _, doc := range documents(t, repo) {
		text, err := fs.ReadFile(repo, doc)
		if err != nil {
			t.Fatal(err)
		}
		paths := append(linksOf(doc, string(text)), pathsIn(repo, string(text))...)
		if len(paths) == 0 && doc == "docs/reading.md" {
			t.Errorf("%s names no path: has its form changed?", doc)
		}
		for _, p := range paths {
			if _, err := fs.Stat(repo, p); err != nil {
				t.Errorf("%s names %s, which does not exist", doc, p)
			}
		}
	}
}

// TestReadingMissesNothing wants every package on the way through the source.
func TestReadingMissesNothing(t *testing.T) {
	repo := repository(t)
	text, err := fs.ReadFile(repo, "docs/reading.md")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, p := range quoted(string(text)) {
		named = append(named, p, path.Dir(p))
	}
	for folder := range readRules(t, repo).imports {
		if !slices.Contains(named, folder) {
			t.Errorf("docs/reading.md does not mention %s", folder)
		}
	}
}

// TestTableMissesNothing is the other direction of TestImports: a row for a package
// that is gone, or never came, is a promise that nobody keeps.
func TestTableMissesNothing(t *testing.T) {
	repo := repository(t)
	for folder := range readRules(t, repo).imports {
		if files, err := fs.Glob(repo, folder+"/*.go"); err != nil || len(files) == 0 {
			t.Errorf("docs/architecture.md has a row for %s, which holds no Go files", folder)
		}
	}
}

// TestDependenciesHaveAReason wants every module that go.mod requires directly to be
// named in a decision.
func TestDependenciesHaveAReason(t *testing.T) {
	repo := repository(t)
	gomod, err := fs.ReadFile(repo, "go.mod")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	pages, err := fs.Glob(repo, "docs/decisions/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		text, err := fs.ReadFile(repo, page)
		if err != nil {
			t.Fatal(err)
		}
		named = append(named, quoted(string(text))...)
	}
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+/\S+) v\S+$`).FindAllStringSubmatch(string(gomod), -1) {
		if !slices.Contains(named, m[1]) {
			t.Errorf("go.mod requires %s, and no page of docs/decisions says why", m[1])
		}
	}
}

// linksOf returns the targets of a page's links to files, from the top of the repository.
func linksOf(doc, text string) []string {
	var paths []string
	for _, m := range regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`).FindAllStringSubmatch(text, -1) {
		paths = append(paths, path.Join(path.Dir(doc), m[1]))
	}
	return paths
}

// pathsIn returns the words in backticks that begin with a folder of the repository.
func pathsIn(repo fs.FS, text string) []string {
	var paths []string
	for _, word := range quoted(text) {
		first, _, _ := strings.Cut(word, "/")
		fi, err := fs.Stat(repo, first)
		if err != nil || !fi.IsDir() || strings.HasPrefix(word, ".") || strings.ContainsAny(word, "*… ") {
			continue
		}
		paths = append(paths, strings.TrimSuffix(strings.TrimSuffix(word, "/..."), "/"))
	}
	return paths
}
