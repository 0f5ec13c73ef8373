package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/learnbox/learnbox/internal/privtest"
)

// TestLayoutOnDisk runs commands and wants every file that they leave to be
// named in docs/layout-on-disk.md.
func TestLayoutOnDisk(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	named := namedPaths(t)

	b.must(t, "run", "--name", "done", "-v", "data:/data", "-v", "/home", "tiny", "true")
	b.must(t, "tag", "tiny", "other")
	b.must(t, "images")
	live := b.command(t, "learnbox", "run", "-i", "--rm", "--name", "live", "tiny", "cat")
	stdin, err := live.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := live.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); b.must(t, "ps", "-q") == ""; {
		if time.Now().After(deadline) {
			t.Fatal("the container never ran")
		}
		<-time.After(10 * time.Millisecond)
	}
	unnamed(t, b.root, named)
	if err := stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := live.Wait(); err != nil {
		t.Fatal(err)
	}
	unnamed(t, b.root, named)
}

// namedPaths are the paths of the first two tables, relative to the root of
// everything: words in capitals stand for any name, and so do three dots.
func namedPaths(t *testing.T) []*regexp.Regexp {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "layout-on-disk.md"))
	if err != nil {
		t.Fatal(err)
	}
	data, run, ok := strings.Cut(string(page), "\n## /run/learnbox")
	run, _, found := strings.Cut(run, "\n## ")
	if !ok || !found {
		t.Fatal("docs/layout-on-disk.md has other headings than this test knows")
	}
	var named []*regexp.Regexp
	for prefix, text := range map[string]string{"": data, "run/": run} {
		for _, row := range regexp.MustCompile("(?m)^\\| (`.*?) \\|").FindAllStringSubmatch(text, -1) {
			for _, word := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
				pattern := regexp.QuoteMeta(prefix + strings.TrimSuffix(word[1], "/"))
				pattern = regexp.MustCompile(`[A-Z]{2,}|…`).ReplaceAllString(pattern, "[^/]+")
				named = append(named, regexp.MustCompile("^"+pattern+"$"))
			}
		}
	}
	if len(named) < 20 {
		t.Fatalf("docs/layout-on-disk.md names only %d paths: has its form changed?", len(named))
	}
	return named
}

// unnamed reports what is below root and not named. What an image or a
// container brought is passed over.
func unnamed(t *testing.T, root string, named []*regexp.Regexp) {
	t.Helper()
	foreign := regexp.MustCompile(`^(rootfs/[^/.]+|containers/[^/]+/(upper|work)|volumes/[^/]+/_data)$`)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		found := false
		for _, n := range named {
			found = found || n.MatchString(name)
		}
		entries, err := os.ReadDir(path)
		if d.IsDir() && (err != nil || len(entries) > 0) {
			found = true // what is inside speaks for it
		}
		if !found {
			t.Errorf("docs/layout-on-disk.md does not name %s", name)
		}
		if foreign.MatchString(name) {
			return fs.SkipDir
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
