package pull

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	digest "github.com/opencontainers/go-digest"
)

// Ctrl-C in the middle of a layer: the end comes at once, and what there is
// can be resumed.
func TestCancel(t *testing.T) {
	f := newFake(t)
	layer := random(1, 500_000)
	m := f.simple(layer)
	s := newStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	f.spoil = first(always, m.Layers[0].Digest.String(), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(layer)))
		_, _ = w.Write(layer[:100_000])
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	before := runtime.NumGoroutine()
	p := quick()
	p.stall = time.Minute
	var once sync.Once
	start := time.Now()
	_, err := Pull(ctx, s, f.ref(""), Options{
		pace: p,
		Progress: func(p Progress) {
			if p.Phase == Downloading && p.Current > 0 {
				once.Do(cancel)
			}
		},
		Unpack: readAll(map[digest.Digest][]byte{}),
	})
	if !errors.Is(err, context.Canceled) || time.Since(start) > 5*time.Second {
		t.Errorf("Pull: %v after %v", err, time.Since(start))
	}
	if left := ingestFiles(t, s); len(left) != 1 {
		t.Errorf("left: %q, want one partial file", left)
	}
	noMoreGoroutines(t, before)
}

// A failing layer ends an unpacker that waits for another one.
func TestFailureReachesTheUnpacker(t *testing.T) {
	f := newFake(t)
	m := f.simple(random(1, 1000), random(2, 1000))
	f.spoil = func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, m.Layers[1].Digest.String()) {
			w.WriteHeader(http.StatusForbidden)
			return true
		}
		if strings.Contains(r.URL.Path, m.Layers[0].Digest.String()) {
			hang(w, r)
			return true
		}
		return false
	}
	p := quick()
	p.stall = time.Minute
	start := time.Now()
	_, err := Pull(t.Context(), newStore(t), f.ref(""), Options{pace: p, Unpack: readAll(map[digest.Digest][]byte{})})
	if err == nil || !strings.Contains(err.Error(), "access forbidden") || time.Since(start) > 5*time.Second {
		t.Errorf("Pull: %v after %v", err, time.Since(start))
	}
}

func TestRedirect(t *testing.T) {
	data := random(1, 1000)
	cdn := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("credentials went to another host")
		}
		_, _ = io.Copy(w, bytes.NewReader(data))
	}))
	defer cdn.Close()
	f := newFake(t)
	m := f.simple(data)
	f.spoil = first(always, m.Layers[0].Digest.String(), func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, cdn.URL, http.StatusTemporaryRedirect)
	})
	if _, err := pullQuick(t, newStore(t), f.ref(""), Options{}); err != nil {
		t.Error(err)
	}
	f.respoil(first(always, "", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
	}))
	if _, err := pullQuick(t, newStore(t), f.ref(""), Options{}); err == nil {
		t.Error("a circle of redirects was followed to its end")
	}
}
