package unpack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	digest "github.com/opencontainers/go-digest"

	"github.com/learnbox/learnbox/internal/privtest"
	"github.com/learnbox/learnbox/narrate"
)

func TestFlattenTwice(t *testing.T) {
	privtest.Require(t, "root")
	dir := rootDir(t)
	all := goodLayers()
	if path, ok := Path(dir, all); ok || path == "" {
		t.Errorf("before: Path = %q, %v", path, ok)
	}
	var phases []narrate.Phase
	var done []digest.Digest
	o := Options{
		Narrate:  &narrate.Narrator{Hear: func(e narrate.Event) error { phases = append(phases, e.Phase); return nil }},
		Progress: func(d digest.Digest) { done = append(done, d) },
	}
	path, err := Flatten(t.Context(), dir, all, o)
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		all[i].Open = func(context.Context) (io.ReadCloser, error) { return nil, errors.New("opened again") }
	}
	again, err := Flatten(t.Context(), dir, all, o)
	if err != nil || again != path {
		t.Errorf("again: %q, %v, want %q", again, err, path)
	}
	if got, ok := Path(dir, all); !ok || got != path {
		t.Errorf("Path = %q, %v, want %q", got, ok, path)
	}
	if got := fmt.Sprint(phases); got != "[begin done skip]" {
		t.Errorf("told %s", got)
	}
	if len(done) != 2 || done[0] != all[0].Digest || done[1] != all[1].Digest {
		t.Errorf("progress %v", done)
	}
	if fi, err := os.Stat(dir); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("above the tree: %v, %v, want 0700", fi.Mode(), err)
	}
}

func TestOpenDirectoryIsClosed(t *testing.T) {
	privtest.Require(t, "root")
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Flatten(t.Context(), dir, goodLayers(), Options{}); err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(dir); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v, want 0700", fi.Mode(), err)
	}
}

func TestKilledInTheMiddle(t *testing.T) {
	privtest.Require(t, "root")
	dir := rootDir(t)
	for range 2 {
		cmd := child(t, "hang", dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(out, make([]byte, len("halfway"))); err != nil {
			t.Fatal(err)
		}
		if path, ok := Path(dir, goodLayers()); ok {
			t.Fatalf("half a tree is published as %s", path)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // says that it was killed
	}
	if left := leftovers(t, dir); len(left) != 2 {
		t.Fatalf("the killed process left %v, want its tree and its lock", left)
	}
	// Another image finds it.
	if _, err := Flatten(t.Context(), dir, layers(t, []item{file("other", "")}), Options{}); err != nil {
		t.Fatal(err)
	}
	if left := leftovers(t, dir); left != nil {
		t.Errorf("nobody removed %v", left)
	}
	path, err := Flatten(t.Context(), dir, goodLayers(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := listing(t, path); !strings.HasPrefix(got, "d/ d/a=1 d/b=222") {
		t.Errorf("got %.40s", got)
	}
}

func TestOwnLeftoversAreReplaced(t *testing.T) {
	privtest.Require(t, "root")
	dir := rootDir(t)
	path, _ := Path(dir, goodLayers())
	stage := filepath.Join(dir, stagePrefix+filepath.Base(path))
	if err := os.MkdirAll(filepath.Join(stage, "old"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Flatten(t.Context(), dir, goodLayers(), Options{}); err != nil {
		t.Fatal(err)
	}
	if got := listing(t, path); strings.Contains(got, "old") {
		t.Error("a dead process's files are in the tree")
	}
}

// The living are left alone: they hold their lock.
func TestSweepSparesTheLiving(t *testing.T) {
	privtest.Require(t, "root")
	dir := rootDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	halfway := make(chan bool)
	wg.Go(func() {
		if _, err := Flatten(ctx, dir, hangingLayer(func() { halfway <- true }), Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	})
	<-halfway
	if _, err := Flatten(t.Context(), dir, layers(t, []item{file("other", "")}), Options{}); err != nil {
		t.Error(err)
	}
	if left := leftovers(t, dir); len(left) != 2 {
		t.Errorf("of the other one there is %v, want its tree and its lock", left)
	}
	cancel()
	wg.Wait()
	if left := leftovers(t, dir); left != nil {
		t.Errorf("cancelling left %v", left)
	}
}

// A second process waits for the first, and then finds its work done.
func TestSecondWaitsForTheFirst(t *testing.T) {
	privtest.Require(t, "root")
	dir := rootDir(t)
	all := goodLayers()
	open := all[1].Open
	release := make(chan bool)
	opened := make(chan bool)
	all[1].Open = func(ctx context.Context) (io.ReadCloser, error) {
		close(opened)
		<-release
		return open(ctx)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := Flatten(t.Context(), dir, all, Options{}); err != nil {
			t.Errorf("first: %v", err)
		}
	})
	<-opened
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Flatten(ctx, dir, goodLayers(), Options{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting without patience: %v", err)
	}
	cmd := child(t, "flatten", dir)
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	close(release)
	wg.Wait()
	path, ok := Path(dir, all)
	before := lstat(t, path).Ino
	if err := cmd.Wait(); err != nil || !ok || strings.TrimSpace(out.String()) != path {
		t.Errorf("second: %q, %v, want %q", out.String(), err, path)
	}
	if after := lstat(t, path).Ino; after != before {
		t.Error("the second process did the work again")
	}
	if left := leftovers(t, dir); left != nil {
		t.Errorf("left %v", left)
	}
}

func TestManyAtOnce(t *testing.T) {
	privtest.Require(t, "root")
	dir := rootDir(t)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if out, err := child(t, "flatten", dir).Output(); err != nil {
				t.Errorf("%s: %v", out, err)
			}
		})
		for range 8 {
			wg.Go(func() {
				if _, err := Flatten(t.Context(), dir, goodLayers(), Options{}); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if left := leftovers(t, dir); left != nil {
		t.Errorf("left %v", left)
	}
}
