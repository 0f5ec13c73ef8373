package store_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	digest "github.com/opencontainers/go-digest"

	"github.com/learnbox/learnbox/internal/privtest"
	"github.com/learnbox/learnbox/pull/store"
)

func TestImport(t *testing.T) {
	s := open(t)
	img := makeImage(t, "2020-01-01T00:00:00Z", "a", "b", "a")
	got, err := s.Import(t.Context(), img.files, named(t, "tiny"))
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != img.id || len(got.Names) != 1 || got.Names[0] != "docker.io/library/tiny:latest" || len(got.RepoDigests) != 0 {
		t.Errorf("Import = %v %q %q", got.ID, got.Names, got.RepoDigests)
	}
	if find(t, s, "tiny").ID != img.id {
		t.Error("it is not under its name")
	}
	before := readIndex(t, s)
	if _, err := s.Import(t.Context(), img.files, named(t, "tiny")); err != nil {
		t.Errorf("again: %v", err)
	}
	if after := readIndex(t, s); len(after.Manifests) != len(before.Manifests) {
		t.Errorf("%d entries after the second import", len(after.Manifests))
	}
}

func TestImportVerifies(t *testing.T) {
	for what, path := range map[string]func(image) string{
		"layer":    func(image) string { return "blobs/sha256/" + digest.FromString("a").Encoded() },
		"config":   func(i image) string { return "blobs/sha256/" + i.id.Encoded() },
		"manifest": func(i image) string { return "blobs/sha256/" + i.manifest.Digest.Encoded() },
	} {
		for how, change := range map[string]func(fstest.MapFS, string){
			"wrong byte": func(m fstest.MapFS, p string) { m[p].Data[0] ^= 1 },
			"truncated":  func(m fstest.MapFS, p string) { m[p].Data = m[p].Data[:len(m[p].Data)-1] },
			"too long":   func(m fstest.MapFS, p string) { m[p].Data = append(m[p].Data, 'x') },
			"missing":    func(m fstest.MapFS, p string) { delete(m, p) },
		} {
			t.Run(what+" "+how, func(t *testing.T) {
				s := open(t)
				img := makeImage(t, "2020-01-01T00:00:00Z", "a")
				change(img.files, path(img))
				if _, err := s.Import(t.Context(), img.files, named(t, "tiny")); err == nil {
					t.Error("imported")
				}
				if _, err := s.Find(t.Context(), "tiny"); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("afterwards: %v", err)
				}
				if left := list(t, filepath.Join(s.Dir(), "ingest")); len(left) != 0 && how == "wrong byte" {
					t.Errorf("left: %q", left)
				}
			})
		}
	}
}

func TestImportOfARealImage(t *testing.T) {
	layout := os.DirFS(privtest.Images(t))
	s := open(t)
	img, err := s.Import(t.Context(), layout, named(t, "docker.io/learnbox/layers:1"))
	if err != nil {
		t.Fatal(err)
	}
	if len(img.Layers) != 7 || img.Config.Config.User == "" {
		t.Errorf("%d layers, user %q", len(img.Layers), img.Config.Config.User)
	}
	if _, err := s.Import(t.Context(), layout, named(t, "docker.io/learnbox/none:1")); err == nil {
		t.Error("an image that the layout does not have was imported")
	}
}

// Debian's skopeo reads the store, and what it writes into it the store reads
// and keeps.
func TestSkopeo(t *testing.T) {
	privtest.Require(t, "skopeo")
	run := func(args ...string) []byte {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), "skopeo", args...).CombinedOutput()
		if err != nil {
			t.Fatalf("skopeo %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return out
	}
	shared := privtest.Images(t)
	s := open(t)
	img, err := s.Import(t.Context(), os.DirFS(shared), named(t, "docker.io/learnbox/layers:1"))
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Digest digest.Digest
		Layers []digest.Digest
	}
	if err := json.Unmarshal(run("inspect", "oci:"+s.Dir()+":docker.io/learnbox/layers:1"), &got); err != nil {
		t.Fatal(err)
	}
	if got.Digest != img.Manifest.Digest || len(got.Layers) != len(img.Layers) {
		t.Errorf("skopeo sees %v with %d layers, want %v with %d", got.Digest, len(got.Layers), img.Manifest.Digest, len(img.Layers))
	}

	run("copy", "-q", "oci:"+shared+":docker.io/library/busybox:1.38.0", "oci:"+s.Dir()+":bb:1")
	if img := find(t, s, "bb:1"); len(img.Names) != 1 || img.Names[0] != "docker.io/library/bb:1" {
		t.Errorf("what skopeo wrote is found with the names %q", img.Names)
	}
	if err := s.Clean(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	run("copy", "-q", "oci:"+s.Dir()+":bb:1", "dir:"+t.TempDir())
	if r, err := s.Remove(t.Context(), "bb:1", false); err != nil || r.Image == nil {
		t.Errorf("removing it: %+v, %v", r, err)
	}
	run("copy", "-q", "--all", "oci:"+shared+":docker.io/library/busybox:1.38.0", "oci:"+s.Dir()+":multi:1")
	before := blobs(t, s)
	if err := s.Clean(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if after := blobs(t, s); len(after) != len(before) {
		t.Errorf("Clean left %d of %d blobs of an image for several platforms", len(after), len(before))
	}
	if images, err := s.Images(t.Context()); err != nil || len(images) != 1 {
		t.Errorf("%d images, %v, want 1 beside an entry that is none", len(images), err)
	}
}
