package store_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	digest "github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/learnbox/learnbox/pull/name"
	"github.com/learnbox/learnbox/pull/store"
)

// An image is made of layers that are just text: the store never looks inside.
type image struct {
	layers   []string
	created  string // RFC 3339; "" is 2020
	manifest v1.Descriptor
	id       digest.Digest
	files    fstest.MapFS
}

func makeImage(t testing.TB, created string, layers ...string) image {
	t.Helper()
	img := image{layers: layers, created: created, files: fstest.MapFS{}}
	m := v1.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageManifest}
	when, err := time.Parse(time.RFC3339, created)
	if err != nil {
		t.Fatal(err)
	}
	c := v1.Image{Created: &when, Platform: v1.Platform{OS: "linux", Architecture: "amd64"}}
	c.RootFS.Type = "layers"
	for _, l := range layers {
		m.Layers = append(m.Layers, img.blob(v1.MediaTypeImageLayer, []byte(l)))
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, digest.FromString(l))
	}
	m.Config = img.blob(v1.MediaTypeImageConfig, marshal(t, c))
	img.id = m.Config.Digest
	img.manifest = img.blob(v1.MediaTypeImageManifest, marshal(t, m))
	idx := v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, Manifests: []v1.Descriptor{img.manifest}}
	img.files["index.json"] = &fstest.MapFile{Data: marshal(t, idx)}
	return img
}

func (i *image) blob(mediaType string, data []byte) v1.Descriptor {
	d := digest.FromBytes(data)
	i.files["blobs/sha256/"+d.Encoded()] = &fstest.MapFile{Data: data}
	return v1.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(data))}
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func open(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(filepath.Join(t.TempDir(), "images"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func named(t testing.TB, s string) name.Ref {
	t.Helper()
	ref, err := name.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// put brings img into s under name, as pulled with the digest d ("" if not pulled).
func put(t *testing.T, s *store.Store, img image, name string, d digest.Digest) store.Image {
	t.Helper()
	for path, f := range img.files {
		if strings.HasPrefix(path, "blobs/") {
			desc := v1.Descriptor{Digest: digest.FromBytes(f.Data), Size: int64(len(f.Data))}
			if err := s.WriteBlob(desc, f.Data); err != nil {
				t.Fatal(err)
			}
		}
	}
	got, err := s.Put(t.Context(), img.manifest, named(t, name), d)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func find(t *testing.T, s *store.Store, word string) store.Image {
	t.Helper()
	img, err := s.Find(t.Context(), word)
	if err != nil {
		t.Fatalf("Find(%q): %v", word, err)
	}
	return img
}

// blobs lists the digests of all blobs in the store.
func blobs(t *testing.T, s *store.Store) []string {
	t.Helper()
	return list(t, filepath.Join(s.Dir(), "blobs", "sha256"))
}

func list(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func readIndex(t *testing.T, s *store.Store) (idx v1.Index) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(s.Dir(), "index.json"))
	if err == nil {
		err = json.Unmarshal(data, &idx)
	}
	if err != nil {
		t.Fatal(err)
	}
	return idx
}
