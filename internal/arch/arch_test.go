package arch

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the import path of this repository.
const module = "github.com/learnbox/learnbox"

// TestImports enforces the tables of docs/architecture.md.
func TestImports(t *testing.T) {
	repo := repository(t)
	rules := readRules(t, repo)
	found, err := violations(repo, rules)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		t.Error(v)
	}
}

// repository is the source tree this test belongs to.
func repository(t *testing.T) fs.FS {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return os.DirFS(dir)
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}

// violations reads the imports of every Go file, for whatever system it is, and
// returns a line for each one that the rules forbid.
func violations(repo fs.FS, r rules) ([]string, error) {
	var found []string
	err := fs.WalkDir(repo, ".", func(name string, d fs.DirEntry, err error) error {
		switch base := path.Base(name); {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata"):
			return fs.SkipDir // as "go help packages" says
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		imports, err := importsOf(repo, name)
		for _, imported := range imports {
			if wrong := r.forbid(name, imported); wrong != "" {
				found = append(found, name+": "+wrong)
			}
		}
		return err
	})
	return found, err
}

// importsOf parses one file down to its imports.
func importsOf(repo fs.FS, name string) ([]string, error) {
	source, err := fs.ReadFile(repo, name)
	if err != nil {
		return nil, err
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	var imports []string
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		imports = append(imports, imported)
	}
	return imports, nil
}

// forbid returns what is wrong with a file's import, empty if nothing is.
func (r rules) forbid(file, imported string) string {
	folder := path.Dir(file)
	allowed, known := r.imports[folder]
	if !known {
		return folder + " has no row in the import table of docs/architecture.md"
	}
	if imported == "C" {
		return folder + " may not import C: learnbox is one static binary"
	}
	if ours, ok := strings.CutPrefix(imported, module+"/"); ok {
		named := func(pattern string) bool { return matches(ours, pattern) }
		if ours == folder || allowed == nil || slices.ContainsFunc(allowed, named) || strings.HasSuffix(file, "_test.go") && forTests(ours) {
			return ""
		}
		return fmt.Sprintf("%s may not import %s, see docs/architecture.md", folder, ours)
	}
	here := func(pattern string) bool {
		asFile, _ := path.Match(pattern, file)
		return asFile || matches(folder, pattern)
	}
	for fenced, places := range r.fences {
		if below(imported, fenced) && !slices.ContainsFunc(places, here) {
			return fmt.Sprintf("%s may not import %s: only %s may, see docs/architecture.md", folder, imported, strings.Join(places, ", "))
		}
	}
	return ""
}

// forTests knows what every test may import besides what its package may.
func forTests(folder string) bool {
	return slices.Contains([]string{"internal/privtest", "pull/tiny"}, folder)
}

// matches reports whether folder is meant by pattern: "cmd/..." is cmd and below.
func matches(folder, pattern string) bool {
	if tree, ok := strings.CutSuffix(pattern, "/..."); ok {
		return below(folder, tree)
	}
	return folder == pattern
}

// below reports whether p is the folder or lies in it.
func below(p, folder string) bool { return p == folder || strings.HasPrefix(p, folder+"/") }
