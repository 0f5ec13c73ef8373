package store_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/distribution/reference"
	digest "github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

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

func named(t testing.TB, s string) reference.Named {
	t.Helper()
	ref, err := reference.ParseNormalizedNamed(s)
	if err != nil {
		t.Fatal(err)
	}
	return reference.TagNameOnly(ref)
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

func TestParseManifestRefuses(t *testing.T) {
	ok := `{"mediaType":"x","digest":"sha256:` + strings.Repeat("a", 64) + `","size":1}`
	for what, doc := range map[string]string{
		"no JSON":               `<html>`,
		"schema 1":              `{"schemaVersion":1,"config":` + ok + `}`,
		"index":                 `{"schemaVersion":2,"manifests":[]}`,
		"both (CVE-2021-41190)": `{"schemaVersion":2,"config":` + ok + `,"layers":[],"manifests":[]}`,
		"no config":             `{"schemaVersion":2,"layers":[]}`,
		"digest that climbs":    `{"schemaVersion":2,"config":{"digest":"sha256:../../../../etc/passwd","size":1}}`,
		"unknown digest":        `{"schemaVersion":2,"config":{"digest":"md5:abcd","size":1}}`,
		"negative size":         `{"schemaVersion":2,"config":` + strings.Replace(ok, `"size":1`, `"size":-1`, 1) + `}`,
		"huge config":           `{"schemaVersion":2,"config":` + strings.Replace(ok, `"size":1`, `"size":9999999`, 1) + `}`,
		"layer without digest":  `{"schemaVersion":2,"config":` + ok + `,"layers":[{"size":1}]}`,
	} {
		if _, err := store.ParseManifest([]byte(doc)); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
	if _, err := store.ParseManifest([]byte(`{"schemaVersion":2,"config":` + ok + `,"layers":[` + ok + `]}`)); err != nil {
		t.Errorf("a good one: %v", err)
	}
}

func TestParseConfigCountsLayers(t *testing.T) {
	m := v1.Manifest{Layers: make([]v1.Descriptor, 2)}
	one := `{"rootfs":{"type":"layers","diff_ids":["` + digest.FromString("").String() + `"]}}`
	if _, err := store.ParseConfig([]byte(one), m); err == nil || !strings.Contains(err.Error(), "1 layers, its manifest of 2") {
		t.Errorf("one diff_id for two layers: %v", err)
	}
	m.Layers = m.Layers[:1]
	if _, err := store.ParseConfig([]byte(one), m); err != nil {
		t.Error(err)
	}
	if _, err := store.ParseConfig([]byte(`{"rootfs":{"diff_ids":["sha256:x"]}}`), m); err == nil {
		t.Error("a diff_id that is no digest was accepted")
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"config":{"digest":"sha256:` + strings.Repeat("a", 64) + `","size":1},"layers":[]}`))
	f.Add([]byte(`{"schemaVersion":2,"manifests":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := store.ParseManifest(data)
		if err != nil {
			return
		}
		for _, d := range append(m.Layers, m.Config) {
			if d.Size < 0 || strings.ContainsAny(d.Digest.Encoded(), "/.") {
				t.Errorf("let through: %+v", d)
			}
		}
	})
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(`{"created":"2020-01-01T00:00:00Z","architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}`), 0)
	f.Add([]byte(`{"config":{"Env":["A=b"],"Volumes":null},"history":[{"empty_layer":true}]}`), 1)
	f.Fuzz(func(t *testing.T, data []byte, layers int) {
		m := v1.Manifest{Layers: make([]v1.Descriptor, max(0, min(layers, 100)))}
		c, err := store.ParseConfig(data, m)
		if err == nil && len(c.RootFS.DiffIDs) != len(m.Layers) {
			t.Errorf("%d diff_ids for %d layers", len(c.RootFS.DiffIDs), len(m.Layers))
		}
	})
}
