package pull

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	digest "github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/learnbox/learnbox/pull/name"
	"github.com/learnbox/learnbox/pull/store"
)

// A fake is a registry whose every answer a test can spoil.
type fake struct {
	*httptest.Server
	t *testing.T

	// spoil, if set, may answer instead; it returns whether it did.
	spoil func(w http.ResponseWriter, r *http.Request) bool

	mu     sync.Mutex
	docs   map[string]stored // manifests by tag or digest, blobs by digest
	served map[string]int64  // bytes of bodies, by last part of the path
	asked  map[string]int    // requests, by "METHOD last part"
}

type stored struct {
	mediaType string
	data      []byte
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{t: t, docs: map[string]stored{}, served: map[string]int64{}, asked: map[string]int{}}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	last := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	f.mu.Lock()
	f.asked[r.Method+" "+last]++
	doc, ok := f.docs[last]
	spoil := f.spoil
	f.mu.Unlock()
	cw := &countingWriter{ResponseWriter: w, add: func(n int) {
		f.mu.Lock()
		f.served[last] += int64(n)
		f.mu.Unlock()
	}}
	switch {
	case spoil != nil && spoil(cw, r):
	case r.URL.Path == "/v2/":
	case !ok:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}`)
	default:
		w.Header().Set("Content-Type", doc.mediaType)
		w.Header().Set("Docker-Content-Digest", digest.FromBytes(doc.data).String())
		http.ServeContent(cw, r, "", time.Time{}, bytes.NewReader(doc.data))
	}
}

type countingWriter struct {
	http.ResponseWriter
	add func(int)
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.add(n)
	return n, err
}

func (c *countingWriter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// respoil changes spoil between two pulls.
func (f *fake) respoil(s spoil) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.spoil = s
}

func (f *fake) bytesOf(d digest.Digest) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.served[d.String()]
}

// gets returns how many GET requests ended in last.
func (f *fake) gets(last string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked["GET "+last]
}

func (f *fake) host() string { return strings.TrimPrefix(f.URL, "http://") }

// ref is a name at this registry.
func (f *fake) ref(tag string) name.Ref {
	f.t.Helper()
	return parse(f.t, f.host()+"/test/image"+tag)
}

func parse(t *testing.T, s string) name.Ref {
	t.Helper()
	ref, err := name.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func (f *fake) add(mediaType string, data []byte, tags ...string) v1.Descriptor {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := digest.FromBytes(data)
	for _, t := range append(tags, d.String()) {
		f.docs[t] = stored{mediaType, data}
	}
	return v1.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(data))}
}

func (f *fake) addJSON(mediaType string, v any, tags ...string) v1.Descriptor {
	f.t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		f.t.Fatal(err)
	}
	return f.add(mediaType, data, tags...)
}

// addImage adds an image for a platform; change, if set, has the last word about its manifest.
func (f *fake) addImage(p v1.Platform, layers [][]byte, change func(*v1.Manifest), tags ...string) (v1.Descriptor, v1.Manifest) {
	f.t.Helper()
	m := v1.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageManifest}
	c := v1.Image{Platform: p, RootFS: v1.RootFS{Type: "layers"}}
	for _, l := range layers {
		m.Layers = append(m.Layers, f.add(v1.MediaTypeImageLayer, l))
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, digest.FromBytes(l))
	}
	m.Config = f.addJSON(v1.MediaTypeImageConfig, c)
	if change != nil {
		change(&m)
	}
	return f.addJSON(v1.MediaTypeImageManifest, m, tags...), m
}

func (f *fake) simple(layers ...[]byte) v1.Manifest {
	f.t.Helper()
	_, m := f.addImage(hostPlatform(), layers, nil, "latest")
	return m
}

func random(seed byte, n int) []byte {
	data := make([]byte, n)
	x := uint32(seed) + 1
	for i := range data {
		x = x*1664525 + 1013904223
		data[i] = byte(x >> 24)
	}
	return data
}

func newStore(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(filepath.Join(t.TempDir(), "images"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// quick is a pace for tests: the same rules, in milliseconds.
func quick() *pace {
	return &pace{
		atOnce: 4, dial: time.Second, stall: 150 * time.Millisecond, attempts: 4, stalls: 2,
		first: time.Millisecond, longest: 5 * time.Millisecond, asked: 50 * time.Millisecond,
	}
}

func pullQuick(t *testing.T, s *store.Store, ref name.Ref, o Options) (Result, error) {
	t.Helper()
	t.Setenv("DOCKER_CONFIG", t.TempDir()) // whoever runs the tests may be logged in somewhere
	t.Setenv("HOME", t.TempDir())
	o.pace = quick()
	return Pull(t.Context(), s, ref, o)
}

// readAll is an Unpack that reads every layer to its end.
func readAll(got map[digest.Digest][]byte) func(context.Context, []store.Layer) error {
	return func(ctx context.Context, layers []store.Layer) error {
		for _, l := range layers {
			r, err := l.Open(ctx)
			if err != nil {
				return err
			}
			data, err := io.ReadAll(r)
			_ = r.Close()
			if err != nil {
				return fmt.Errorf("unpack layer: %w", err)
			}
			got[l.Digest] = data
		}
		return nil
	}
}

func ingestFiles(t *testing.T, s *store.Store) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.Dir(), "ingest", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}
