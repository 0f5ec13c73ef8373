package store_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	digest "github.com/opencontainers/go-digest"

	"github.com/learnbox/learnbox/pull/store"
)

func TestOpenMakesALayout(t *testing.T) {
	s := open(t)
	data, err := os.ReadFile(filepath.Join(s.Dir(), "oci-layout"))
	if err != nil || string(data) != `{"imageLayoutVersion":"1.0.0"}` {
		t.Errorf("oci-layout: %s, %v", data, err)
	}
	if idx := readIndex(t, s); idx.SchemaVersion != 2 || idx.Manifests == nil {
		t.Errorf("index.json: %+v, want an empty array of manifests", idx)
	}
	if _, err := store.Open(s.Dir()); err != nil {
		t.Errorf("a second time: %v", err)
	}
	if _, err := store.Open("relative"); err == nil {
		t.Error("a relative path was taken")
	}
	if err := os.WriteFile(filepath.Join(s.Dir(), "oci-layout"), []byte(`{"imageLayoutVersion":"9"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(s.Dir()); err == nil || !strings.Contains(err.Error(), `"9"`) {
		t.Errorf("unknown version: %v", err)
	}
}

func TestImagesNewestFirst(t *testing.T) {
	s := open(t)
	put(t, s, makeImage(t, "2021-01-01T00:00:00Z", "old"), "old", "")
	put(t, s, makeImage(t, "2023-01-01T00:00:00Z", "new"), "new", "")
	put(t, s, makeImage(t, "2022-01-01T00:00:00Z", "mid"), "mid", "")
	if err := s.Tag(t.Context(), "mid", named(t, "again:2")); err != nil {
		t.Fatal(err)
	}
	images, err := s.Images(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range images {
		got = append(got, strings.Join(i.Names, "+"))
	}
	want := []string{
		"docker.io/library/new:latest",
		"docker.io/library/again:2+docker.io/library/mid:latest",
		"docker.io/library/old:latest",
	}
	if !slices.Equal(got, want) {
		t.Errorf("Images = %q, want %q", got, want)
	}
}

func TestIndexEntry(t *testing.T) {
	s := open(t)
	img := makeImage(t, "2020-01-01T00:00:00Z", "a", "b")
	pulled := digest.FromString("an index")
	got := put(t, s, img, "alpine:3.20.3", pulled)
	if got.ID != img.id || len(got.Layers) != 2 || got.Layers[1].DiffID != digest.FromString("b") {
		t.Errorf("Put = %+v", got)
	}
	idx := readIndex(t, s)
	if len(idx.Manifests) != 1 {
		t.Fatalf("%d entries, want 1", len(idx.Manifests))
	}
	e := idx.Manifests[0]
	if n := e.Annotations["org.opencontainers.image.ref.name"]; n != "docker.io/library/alpine:3.20.3" {
		t.Errorf("ref.name = %q", n)
	}
	if e.Platform == nil || e.Platform.OS != "linux" || e.Platform.Architecture != "amd64" {
		t.Errorf("platform = %+v", e.Platform)
	}
	if d := e.Annotations[store.AnnotationRepoDigests]; d != "docker.io/library/alpine@"+pulled.String() {
		t.Errorf("repo digests = %q", d)
	}
	if id := e.Annotations[store.AnnotationID]; id != img.id.String() {
		t.Errorf("id = %q, want %q", id, img.id)
	}
}

func TestPutWantsAllBlobs(t *testing.T) {
	s := open(t)
	img := makeImage(t, "2020-01-01T00:00:00Z", "a")
	put(t, s, img, "alpine", "")
	if err := os.Remove(filepath.Join(s.Dir(), "blobs/sha256", digest.FromString("a").Encoded())); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), img.manifest, named(t, "b"), ""); err == nil {
		t.Error("an image without its layer was named")
	}
}

func TestDamagedDocumentsAreNoticed(t *testing.T) {
	s := open(t)
	img := makeImage(t, "2020-01-01T00:00:00Z", "a")
	put(t, s, img, "alpine", "")
	path := filepath.Join(s.Dir(), "blobs/sha256", img.id.Encoded())
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-2] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Find(t.Context(), "alpine"); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a config with a wrong byte: %v", err)
	}
}
