package pull

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/pull/store"
)

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
		if n := f.gets(r.Image.ID.String()); n != 1 {
			t.Errorf("%s: the config was asked for %d times, want once", tag, n)
		}
	}
	for _, l := range [][]byte{base, a, b} {
		if n := f.gets(digest.FromBytes(l).String()); n != 1 {
			t.Errorf("a layer was asked for %d times, want once", n)
		}
	}
	if n := f.gets("a"); n != 1 {
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
		_, err := pullQuick(t, s, f.ref(""), Options{Narrate: &narrate.Narrator{Hear: func(e narrate.Event) error {
			got = append(got, fmt.Sprint(e.Phase, " ", e.Step.ID))
			return nil
		}}})
		if err != nil || strings.Join(got, ", ") != want {
			t.Errorf("heard %q, %v, want %q", got, err, want)
		}
	}
}
