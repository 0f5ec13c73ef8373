package pull

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/pull/store"
)

// realRegistry serves the real images as a mirror of Docker Hub would.
func realRegistry(t *testing.T) (url string) {
	t.Helper()
	path, err := layout.FromPath(sharedImages(t))
	if err != nil {
		t.Fatal(err)
	}
	idx, err := path.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	m, err := idx.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(srv.Close)
	host := strings.TrimPrefix(srv.URL, "http://")
	for _, d := range m.Manifests {
		full := d.Annotations["org.opencontainers.image.ref.name"]
		ref, err := name.ParseReference(strings.Replace(full, "docker.io", host, 1))
		if err != nil {
			t.Fatal(err)
		}
		if d.MediaType.IsIndex() {
			child, err := idx.ImageIndex(d.Digest)
			if err == nil {
				err = remote.WriteIndex(ref, child)
			}
			if err != nil {
				t.Fatal(err)
			}
			continue
		}
		child, err := idx.Image(d.Digest)
		if err == nil {
			err = remote.Write(ref, child)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return srv.URL
}

// sharedImages is a layout with real images, beside the repository or where
// LEARNBOX_TEST_IMAGES says.
func sharedImages(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("LEARNBOX_TEST_IMAGES"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		images := filepath.Join(dir, "shared", "images")
		if _, err := os.Stat(filepath.Join(images, "index.json")); err == nil {
			return images
		}
	}
	t.Skip("no real images: set LEARNBOX_TEST_IMAGES to an OCI layout that has them")
	return ""
}

func TestRealImages(t *testing.T) {
	o := Options{Registries: Registries{Mirrors: []string{realRegistry(t)}}, Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}
	s := newStore(t)
	for name, want := range map[string]struct {
		answered digest.Digest
		layers   int
	}{
		"alpine:3.20.3":     {"sha256:85992a057196372f6af21aad4d755e1be231c7cf823ac7c4f6e38ff8b263027c", 1},
		"busybox:1.38.0":    {"sha256:55084120cdf1cf58bcd3659b15686b8b2548075ea17560fd4ee2d09ba6acb4c7", 1},
		"learnbox/layers:1": {"sha256:9ad44aa76ca684b7f24d53fee5ed5b1c1d7961a6250934200902ef45d7ec3c52", 7},
		"learnbox/web:1":    {"sha256:cf4aa30cd3883151799547b253760887b1e359815de100a9a1e9e50b1677b312", 2},
	} {
		ref := parse(t, name)
		r, err := pullQuick(t, s, ref, o)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if r.Digest != want.answered || len(r.Image.Layers) != want.layers || r.UpToDate {
			t.Errorf("%s: digest %v, %d layers, up to date %v", name, r.Digest, len(r.Image.Layers), r.UpToDate)
		}
		if wantDigest := ref.Name() + "@" + want.answered.String(); !slices.Equal(r.Image.RepoDigests, []string{wantDigest}) {
			t.Errorf("%s: RepoDigests = %q, want %q", name, r.Image.RepoDigests, wantDigest)
		}
		if !s.Complete(r.Image) {
			t.Errorf("%s: layers are missing", name)
		}
		if r, err = pullQuick(t, s, ref, o); err != nil || !r.UpToDate {
			t.Errorf("%s again: up to date %v, %v", name, r.UpToDate, err)
		}
	}
	// The index stays, so that the digest in RepoDigests can be looked up.
	index := v1.Descriptor{Digest: "sha256:85992a057196372f6af21aad4d755e1be231c7cf823ac7c4f6e38ff8b263027c", Size: 946}
	if !s.Has(index) {
		t.Error("the index of alpine is not in the store")
	}

	o.Platform = &v1.Platform{OS: "linux", Architecture: "386"}
	amd64, err := s.Find(t.Context(), "alpine:3.20.3")
	if err != nil {
		t.Fatal(err)
	}
	r, err := pullQuick(t, s, parse(t, "alpine:3.20.3"), o)
	if err != nil || r.Image.Config.Architecture != "386" || r.UpToDate || r.Image.ID == amd64.ID {
		t.Errorf("for 386: %s, %v", r.Image.Config.Architecture, err)
	}
	o.Platform = &v1.Platform{OS: "linux", Architecture: "s390x"}
	_, err = pullQuick(t, s, parse(t, "alpine:3.20.3"), o)
	if err == nil || !strings.Contains(err.Error(), "no image for linux/s390x; there is linux/amd64, linux/386, linux/arm64/v8") {
		t.Errorf("for s390x: %v", err)
	}
	byDigest := "alpine@" + r.Digest.String()
	o.Platform = &v1.Platform{OS: "linux", Architecture: "amd64"}
	if r, err := pullQuick(t, s, parse(t, byDigest), o); err != nil || r.Image.ID != amd64.ID || len(r.Image.Names) != 0 {
		t.Errorf("by digest: %v, %v", r.Image, err)
	}
}

func TestLayersAreReadWhileTheyArrive(t *testing.T) {
	f := newFake(t)
	layers := [][]byte{random(1, 300_000), random(2, 10), random(3, 1_000_000), random(2, 10), nil}
	f.simple(layers...)
	s := newStore(t)
	got := map[digest.Digest][]byte{}
	var mu sync.Mutex
	phases := map[digest.Digest][]Phase{}
	var docs []string
	unpack := readAll(got)
	r, err := pullQuick(t, s, f.ref(""), Options{
		Progress: func(p Progress) {
			mu.Lock()
			defer mu.Unlock()
			if ps := phases[p.Layer]; len(ps) == 0 || ps[len(ps)-1] != p.Phase {
				phases[p.Layer] = append(ps, p.Phase)
			}
		},
		Stored: func(d v1.Descriptor) { docs = append(docs, d.MediaType) },
		Unpack: func(ctx context.Context, ls []store.Layer) error {
			if _, err := s.Find(ctx, f.ref("").String()); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("the name is there before the layers are unpacked: %v", err)
			}
			if len(ls) != len(layers) {
				t.Errorf("%d layers to unpack, want %d", len(ls), len(layers))
			}
			return unpack(ctx, ls)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layers {
		if d := digest.FromBytes(l); !bytes.Equal(got[d], l) {
			t.Errorf("layer %v: %d bytes read, want %d", d, len(got[d]), len(l))
		}
	}
	if want := []Phase{Waiting, Downloading, Verifying, Complete, PullDone}; !slices.Equal(phases[digest.FromBytes(layers[0])], want) {
		t.Errorf("phases = %q, want %q", phases[digest.FromBytes(layers[0])], want)
	}
	if want := []string{v1.MediaTypeImageManifest, v1.MediaTypeImageConfig}; !slices.Equal(docs, want) {
		t.Errorf("stored documents = %q, want %q", docs, want)
	}
	if n := f.bytesOf(digest.FromBytes(layers[1])); n != 10 {
		t.Errorf("a layer that the manifest names twice was served %d bytes, want 10", n)
	}
	if left := ingestFiles(t, s); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
	if len(r.Image.Names) != 1 {
		t.Errorf("names = %q", r.Image.Names)
	}
}

func TestNothingIsFetchedTwice(t *testing.T) {
	f := newFake(t)
	base, a, b := random(1, 1000), random(2, 1000), random(3, 1000)
	f.addImage(hostPlatform(), [][]byte{base, a}, nil, "a", "same")
	f.addImage(hostPlatform(), [][]byte{base, b}, nil, "b")
	s := newStore(t)
	for _, tag := range []string{":a", ":b", ":same", ":a"} {
		unpacked := 0
		r, err := pullQuick(t, s, f.ref(tag), Options{Unpack: func(context.Context, []store.Layer) error { unpacked++; return nil }})
		if err != nil {
			t.Fatal(err)
		}
		if unpacked != 1 {
			t.Errorf("%s: unpacked %d times", tag, unpacked)
		}
		t.Logf("%s: up to date %v", tag, r.UpToDate)
	}
	for _, l := range [][]byte{base, a, b} {
		if n := f.requests("GET", digest.FromBytes(l).String()); n != 1 {
			t.Errorf("a layer was asked for %d times, want once", n)
		}
	}
	if n := f.requests("GET", "a"); n != 1 {
		t.Errorf("the manifest of an image that is up to date was asked for %d times, want once (and a HEAD)", n)
	}
}

func TestTagMovedAtTheRegistry(t *testing.T) {
	f := newFake(t)
	s := newStore(t)
	f.simple(random(1, 100))
	first, err := pullQuick(t, s, f.ref(""), Options{})
	if err != nil {
		t.Fatal(err)
	}
	f.simple(random(2, 100))
	second, err := pullQuick(t, s, f.ref(""), Options{})
	if err != nil || second.UpToDate || second.Image.ID == first.Image.ID {
		t.Errorf("after the tag moved: %v, up to date %v, %v", second.Image.ID, second.UpToDate, err)
	}
}

func TestBlobThatWasLostIsFetchedAgain(t *testing.T) {
	f := newFake(t)
	s := newStore(t)
	m := f.simple(random(1, 100))
	if _, err := pullQuick(t, s, f.ref(""), Options{}); err != nil {
		t.Fatal(err)
	}
	blob := filepath.Join(s.Dir(), "blobs/sha256", m.Layers[0].Digest.Encoded())
	if err := os.Truncate(blob, 50); err != nil { // as a power failure may leave it
		t.Fatal(err)
	}
	if _, err := pullQuick(t, s, f.ref(""), Options{}); err != nil {
		t.Fatal(err)
	}
	if !s.Has(m.Layers[0]) {
		t.Error("the layer is still cut off")
	}
}

func TestUnpackFails(t *testing.T) {
	f := newFake(t)
	s := newStore(t)
	f.simple(random(1, 5_000_000), random(2, 100))
	boom := errors.New("disk full")
	before := runtime.NumGoroutine()
	_, err := pullQuick(t, s, f.ref(""), Options{Unpack: func(context.Context, []store.Layer) error { return boom }})
	if !errors.Is(err, boom) {
		t.Errorf("Pull: %v, want the unpacker's error", err)
	}
	if _, err := s.Find(t.Context(), f.ref("").String()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the name is there: %v", err)
	}
	f.CloseClientConnections()
	noMoreGoroutines(t, before)
}

// noMoreGoroutines waits for what ends by itself, like closed connections.
func noMoreGoroutines(t *testing.T, before int) {
	t.Helper()
	for range 200 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	buf := make([]byte, 1<<20)
	t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
}

func TestTwoPullsAtOnce(t *testing.T) {
	f := newFake(t)
	s := newStore(t)
	m := f.simple(random(1, 3_000_000), random(2, 100_000), random(3, 100))
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			other, err := store.Open(s.Dir()) // as another process would
			if err != nil {
				t.Error(err)
				return
			}
			r, err := Pull(t.Context(), other, f.ref(""), Options{pace: quick(), Unpack: readAll(map[digest.Digest][]byte{})})
			if err != nil || len(r.Image.Layers) != 3 {
				t.Errorf("pull %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	for _, l := range m.Layers {
		if n := f.bytesOf(l.Digest); n != l.Size {
			t.Errorf("layer %v: %d bytes served, want %d", l.Digest, n, l.Size)
		}
	}
}

func TestNarration(t *testing.T) {
	f := newFake(t)
	s := newStore(t)
	f.simple(random(1, 100))
	for _, want := range []string{
		"begin image.resolve, done image.resolve, begin image.pull, done image.pull",
		"begin image.resolve, done image.resolve, skip image.pull",
	} {
		var got []string
		_, err := pullQuick(t, s, f.ref(""), Options{Narrate: func(e narrate.Event) {
			got = append(got, fmt.Sprint(e.Phase, " ", e.Step.ID))
		}})
		if err != nil || strings.Join(got, ", ") != want {
			t.Errorf("heard %q, %v, want %q", got, err, want)
		}
	}
}
