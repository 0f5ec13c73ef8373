package pull

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	digest "github.com/opencontainers/go-digest"

	"github.com/learnbox/learnbox/pull/store"
)

// cut serves n bytes of the layer and then breaks off, once.
func cut(d digest.Digest, data []byte, n int) spoil {
	return first(1, d.String(), func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		_, _ = w.Write(data[:n])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
}

func TestResumeInOneProcess(t *testing.T) {
	f := newFake(t)
	layer := random(1, 500_000)
	m := f.simple(layer)
	f.spoil = cut(m.Layers[0].Digest, layer, 200_000)
	got := map[digest.Digest][]byte{}
	if _, err := pullQuick(t, newStore(t), f.ref(""), Options{Unpack: readAll(got)}); err != nil {
		t.Fatal(err)
	}
	if n := f.bytesOf(m.Layers[0].Digest); n != m.Layers[0].Size {
		t.Errorf("%d bytes served, want each of %d once", n, m.Layers[0].Size)
	}
	if !bytes.Equal(got[m.Layers[0].Digest], layer) {
		t.Error("the reader did not get the layer")
	}
}

func TestResumeInALaterProcess(t *testing.T) {
	f := newFake(t)
	layer := random(1, 500_000)
	m := f.simple(layer)
	d := m.Layers[0].Digest
	s := newStore(t)
	cutOff := cut(d, layer, 300_000)
	broken := first(always, d.String(), reset)
	f.spoil = func(w http.ResponseWriter, r *http.Request) bool { return cutOff(w, r) || broken(w, r) }
	if _, err := pullQuick(t, s, f.ref(""), Options{}); err == nil {
		t.Fatal("a layer that never comes was pulled")
	}
	if left := ingestFiles(t, s); len(left) != 1 {
		t.Fatalf("left: %q, want the partial file", left)
	}
	f.respoil(nil)
	got := map[digest.Digest][]byte{}
	if _, err := pullQuick(t, s, f.ref(""), Options{Unpack: readAll(got)}); err != nil {
		t.Fatal(err)
	}
	if n := f.bytesOf(d); n != m.Layers[0].Size {
		t.Errorf("%d bytes served in both processes, want each of %d once", n, m.Layers[0].Size)
	}
	if !bytes.Equal(got[d], layer) {
		t.Error("the reader did not get the layer")
	}
}

// What lies in the partial file and what the registry has do not fit together.
func TestResumeOfOtherBytes(t *testing.T) {
	for what, answer := range map[string]spoil{
		"with ranges":    nil,
		"without ranges": ignoreRange,
		"416":            refuseRange,
		"wrong range":    wrongRange,
	} {
		t.Run(what, func(t *testing.T) {
			f := newFake(t)
			layer := random(1, 500_000)
			m := f.simple(layer)
			s := newStore(t)
			partial := filepath.Join(s.Dir(), "ingest", "sha256-"+m.Layers[0].Digest.Encoded())
			if err := os.WriteFile(partial, random(9, 1000), 0o600); err != nil {
				t.Fatal(err)
			}
			f.spoil = answer
			got := map[digest.Digest][]byte{}
			unpacked := 0
			unpack := readAll(got)
			_, err := pullQuick(t, s, f.ref(""), Options{Unpack: func(ctx context.Context, ls []store.Layer) error {
				unpacked++
				return unpack(ctx, ls)
			}})
			if err != nil || unpacked != 1 {
				t.Errorf("Pull: %v, unpacked %d times", err, unpacked)
			}
			if !bytes.Equal(got[m.Layers[0].Digest], layer) {
				t.Error("the reader did not get the layer")
			}
		})
	}
}

func ignoreRange(_ http.ResponseWriter, r *http.Request) bool {
	r.Header.Del("Range")
	return false
}

func refuseRange(w http.ResponseWriter, r *http.Request) bool {
	if r.Header.Get("Range") == "" {
		return false
	}
	w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
	return true
}

func wrongRange(w http.ResponseWriter, r *http.Request) bool {
	if r.Header.Get("Range") == "" {
		return false
	}
	w.Header().Set("Content-Range", "bytes 7-8/500000")
	w.WriteHeader(http.StatusPartialContent)
	fmt.Fprint(w, "xx")
	return true
}

// A reader has got bytes that were wrong: the download begins again, and so
// does the unpacker.
func TestWrongBytesThatWereRead(t *testing.T) {
	f := newFake(t)
	layer := random(1, 500_000)
	m := f.simple(layer)
	f.spoil = cut(m.Layers[0].Digest, random(9, 500_000), 200_000)
	got := map[digest.Digest][]byte{}
	unpacked := 0
	unpack := readAll(got)
	_, err := pullQuick(t, newStore(t), f.ref(""), Options{Unpack: func(ctx context.Context, ls []store.Layer) error {
		unpacked++
		return unpack(ctx, ls)
	}})
	if err != nil || unpacked != 2 {
		t.Errorf("Pull: %v, unpacked %d times, want twice", err, unpacked)
	}
	if !bytes.Equal(got[m.Layers[0].Digest], layer) {
		t.Error("the reader did not get the layer")
	}
}

func TestStallInALayer(t *testing.T) {
	f := newFake(t)
	layer := random(1, 500_000)
	m := f.simple(layer)
	f.spoil = first(1, m.Layers[0].Digest.String(), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(layer)))
		_, _ = w.Write(layer[:100_000])
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	if _, err := pullQuick(t, newStore(t), f.ref(""), Options{}); err != nil {
		t.Error(err)
	}
	if n := f.bytesOf(m.Layers[0].Digest); n != m.Layers[0].Size {
		t.Errorf("%d bytes served, want each of %d once", n, m.Layers[0].Size)
	}
}
