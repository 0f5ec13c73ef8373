package pull

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	digest "github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/learnbox/learnbox/pull/store"
)

type spoil = func(w http.ResponseWriter, r *http.Request) bool

// first spoils the first n requests whose path has part in it.
func first(n int32, part string, answer http.HandlerFunc) spoil {
	var count atomic.Int32
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, part) || count.Add(1) > n {
			return false
		}
		answer(w, r)
		return true
	}
}

const always = 1 << 30

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// reset closes the connection so that the peer gets a TCP reset.
func reset(w http.ResponseWriter, _ *http.Request) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

func html(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, "<!DOCTYPE html><title>Log in to the hotel's network</title>")
}

// One clear error each, and nothing left behind but bytes that can be resumed.
func TestRegistryThatRefuses(t *testing.T) {
	for what, c := range map[string]struct {
		spoil spoil
		want  string // AT is the registry's address
	}{
		"not found":              {first(always, "/manifests/", status(404)), "not found (asked AT)"},
		"no registry at all":     {first(always, "/v2/", status(404)), "this is no registry: /v2/ is not found (asked AT)"},
		"unauthorized":           {first(always, "/manifests/", status(401)), "access denied, or there is no such repository (asked AT)"},
		"unauthorized at once":   {first(always, "/v2/", status(401)), "access denied, or there is no such repository (asked AT)"},
		"forbidden":              {first(always, "/manifests/", status(403)), "access forbidden (asked AT)"},
		"too many requests":      {first(always, "/manifests/", status(429)), "too many requests, the registry wants a pause (asked AT)"},
		"failing":                {first(always, "/manifests/", status(500)), "the registry is in trouble: 500 Internal Server Error (asked AT)"},
		"failing at once":        {first(always, "/v2/", status(503)), "the registry is in trouble: 503 Service Unavailable (asked AT)"},
		"teapot":                 {first(always, "/manifests/", status(418)), "the registry answered 418 I'm a teapot (asked AT)"},
		"web page":               {first(always, "/manifests/", html), "it answered with a web page (asked AT)"},
		"web page for a config":  {first(always, "/blobs/CONFIG", html), "image config: it answered with a web page (asked AT)"},
		"web page for a layer":   {first(always, "/blobs/LAYER", html), "layer LAYER: it answered with a web page (asked AT)"},
		"hangs":                  {first(always, "/manifests/", hang), "no answer for 150ms (asked AT)"},
		"hangs at once":          {first(always, "/v2/", hang), "no answer for 150ms (asked "},
		"resets":                 {first(always, "/manifests/", reset), "connection reset by peer (asked AT)"},
		"config missing":         {first(always, "/blobs/CONFIG", status(404)), "image config: not found (asked AT)"},
		"layer missing":          {first(always, "/blobs/LAYER", status(404)), "layer LAYER: not found (asked AT)"},
		"layer hangs":            {first(always, "/blobs/LAYER", hang), "layer LAYER: no answer for 150ms (asked AT)"},
		"a message with escapes": {first(always, "/manifests/", message), `access forbidden: line [31mred (asked AT)`},
	} {
		t.Run(what, func(t *testing.T) {
			f := newFake(t)
			m := f.simple(random(1, 1000))
			names := strings.NewReplacer("CONFIG", m.Config.Digest.String(), "LAYER", m.Layers[0].Digest.String(), "AT", f.URL)
			f.spoil = func(w http.ResponseWriter, r *http.Request) bool {
				r.URL.Path = strings.NewReplacer(m.Config.Digest.String(), "CONFIG", m.Layers[0].Digest.String(), "LAYER").Replace(r.URL.Path)
				return c.spoil(w, r)
			}
			s := newStore(t)
			_, err := pullQuick(t, s, f.ref(""), Options{})
			want := "pull " + f.ref("").String() + ": " + names.Replace(c.want)
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("Pull: %v\nwant %s", err, want)
			}
			if errors.Is(err, ErrNotFound) != (strings.Contains(c.want, "not found (") && !strings.Contains(c.want, "/v2/")) {
				t.Errorf("errors.Is(%v, ErrNotFound) is wrong", err)
			}
			if left := ingestFiles(t, s); len(left) != 0 {
				t.Errorf("left: %q", left)
			}
		})
	}
}

func message(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusForbidden)
	fmt.Fprint(w, `{"errors":[{"code":"DENIED","message":"line\u001b[31mred"}]}`)
}

func TestNobodyListens(t *testing.T) {
	f := newFake(t)
	ref := f.ref("")
	f.Close()
	_, err := pullQuick(t, newStore(t), ref, Options{})
	if err == nil || !strings.Contains(err.Error(), "connection refused (asked ") {
		t.Errorf("Pull: %v", err)
	}
}

func TestMomentaryTrouble(t *testing.T) {
	for what, c := range map[string]spoil{
		"429 then fine":            first(2, "/manifests/", status(429)),
		"500 then fine":            first(3, "/manifests/", status(500)),
		"503 for the ping":         first(2, "/v2/", status(503)),
		"reset of a manifest":      first(2, "/manifests/", reset),
		"a manifest that hangs":    first(1, "/manifests/", hang),
		"502 for a layer":          first(3, "/blobs/", status(502)),
		"reset of a layer":         first(2, "/blobs/", reset),
		"half a manifest":          first(1, "/manifests/", half(10)),
		"Retry-After":              first(1, "/manifests/", retryIn("0")),
		"no HEAD":                  func(w http.ResponseWriter, r *http.Request) bool { return r.Method == "HEAD" && first(1, "", status(405))(w, r) },
		"layers that break often":  first(3, "/blobs/", half(300)),
		"a layer that breaks once": first(1, "/blobs/", half(700)),
	} {
		t.Run(what, func(t *testing.T) {
			f := newFake(t)
			f.simple(random(1, 1000))
			f.spoil = c
			s := newStore(t)
			if _, err := pullQuick(t, s, f.ref(""), Options{Unpack: readAll(map[digest.Digest][]byte{})}); err != nil {
				t.Error(err)
			}
			if r, err := pullQuick(t, s, f.ref(""), Options{}); err != nil || !r.UpToDate {
				t.Errorf("again: up to date %v, %v", r.UpToDate, err)
			}
		})
	}
}

func retryIn(after string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", after)
		w.WriteHeader(http.StatusTooManyRequests)
	}
}

// half announces more than it sends, and breaks off.
func half(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write(make([]byte, n))
		panic(http.ErrAbortHandler)
	}
}

func TestRetryAfter(t *testing.T) {
	f := newFake(t)
	f.simple(random(1, 10))
	f.spoil = first(1, "/manifests/", retryIn("1"))
	start := time.Now()
	p := quick()
	p.asked = 5 * time.Second
	if _, err := Pull(t.Context(), newStore(t), f.ref(""), Options{pace: p}); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took < time.Second {
		t.Errorf("came back after %v, want the second that the registry asked for", took)
	}
	// More than we are ready to wait is an error at once.
	f.spoil = first(always, "/manifests/", retryIn("3600"))
	if _, err := pullQuick(t, newStore(t), f.ref(""), Options{}); err == nil || !strings.Contains(err.Error(), "too many requests") {
		t.Errorf("an hour: %v", err)
	}
	if n := f.requests("GET", "latest"); n != 3 {
		t.Errorf("%d requests in all, want 3", n)
	}
}

// Documents that are not what they should be.
func TestLies(t *testing.T) {
	layer := random(1, 1000)
	for what, c := range map[string]struct {
		serve func(f *fake) // adds the tag latest
		want  string
	}{
		"manifest too large": {func(f *fake) {
			f.add(v1.MediaTypeImageManifest, append([]byte(`{"schemaVersion":2,"x":"`), bytes.Repeat([]byte("x"), 5<<20)...), "latest")
		}, "the document is larger than 4 MiB"},
		"manifest is no JSON": {func(f *fake) { f.add(v1.MediaTypeImageManifest, []byte("hello"), "latest") }, "the manifest is no JSON"},
		"schema 1":            {func(f *fake) { f.add("application/json", []byte(`{"schemaVersion":1,"name":"x"}`), "latest") }, "schema 1"},
		"a chart": {func(f *fake) {
			f.addImage(hostPlatform(), nil, func(m *v1.Manifest) { m.Config.MediaType = "application/vnd.cncf.helm.config.v1+json" }, "latest")
		}, `this is no container image but "application/vnd.cncf.helm.config.v1+json"`},
		"a layer that is none": {func(f *fake) {
			f.addImage(hostPlatform(), [][]byte{layer}, func(m *v1.Manifest) { m.Layers[0].MediaType = "application/vnd.in-toto+json" }, "latest")
		}, "layer 1 is no file system"},
		"manifest and index at once": {func(f *fake) {
			f.add(v1.MediaTypeImageManifest, []byte(`{"schemaVersion":2,"config":{},"manifests":[]}`), "latest")
		}, "claims to be an index as well"},
		"config for fewer layers": {func(f *fake) {
			f.addImage(hostPlatform(), [][]byte{layer}, func(m *v1.Manifest) { m.Layers = append(m.Layers, m.Layers[0]) }, "latest")
		}, "the image config tells of 1 layers, its manifest of 2"},
		"config too large": {func(f *fake) {
			f.addImage(hostPlatform(), nil, func(m *v1.Manifest) { m.Config.Size = 100 << 20 }, "latest")
		}, "config of 104857600 bytes, the limit is"},
		"config of another size": {func(f *fake) {
			f.addImage(hostPlatform(), nil, func(m *v1.Manifest) { m.Config.Size++ }, "latest")
		}, "bytes, "},
		"config of another digest": {func(f *fake) {
			_, m := f.addImage(hostPlatform(), nil, nil, "latest")
			f.docs[m.Config.Digest.String()] = stored{"x", bytes.Repeat([]byte("{"), int(m.Config.Size))}
		}, "image config: the bytes have the digest"},
		"layer with a wrong byte": {func(f *fake) {
			f.simple(layer)
			f.docs[digest.FromBytes(layer).String()] = stored{"x", append([]byte("x"), layer[1:]...)}
		}, "the bytes have the digest"},
		"layer cut off": {func(f *fake) {
			f.simple(layer)
			f.docs[digest.FromBytes(layer).String()] = stored{"x", layer[:500]}
		}, "500 bytes, 1000 were announced"},
		"layer too long": {func(f *fake) {
			f.simple(layer)
			f.docs[digest.FromBytes(layer).String()] = stored{"x", append(bytes.Clone(layer), 'x')}
		}, "more than the announced 1000 bytes"},
		"layer of another size": {func(f *fake) {
			f.addImage(hostPlatform(), [][]byte{layer}, func(m *v1.Manifest) { m.Layers[0].Size = 10 }, "latest")
		}, "more than the announced 10 bytes"},
		"endless layer": {func(f *fake) {
			f.simple(layer)
			f.spoil = first(always, "/blobs/"+digest.FromBytes(layer).String(), func(w http.ResponseWriter, r *http.Request) {
				_, _ = w.Write(layer)
				for r.Context().Err() == nil {
					if _, err := w.Write(layer); err != nil {
						return
					}
				}
			})
		}, "more than the announced 1000 bytes"},
		"foreign layer": {func(f *fake) {
			f.addImage(hostPlatform(), [][]byte{layer}, func(m *v1.Manifest) {
				m.Layers[0].URLs = []string{f.URL + "/elsewhere"}
				m.Layers[0].MediaType = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
			}, "latest")
			delete(f.docs, digest.FromBytes(layer).String())
		}, "learnbox does not follow addresses inside an image"},
		"other platform": {func(f *fake) {
			f.addImage(v1.Platform{OS: "linux", Architecture: "s390x"}, nil, nil, "latest")
		}, "no image for " + platformString(hostPlatform()) + "; there is linux/s390x"},
		"windows": {func(f *fake) {
			f.addImage(v1.Platform{OS: "windows", Architecture: runtime.GOARCH}, nil, nil, "latest")
		}, "there is windows/" + runtime.GOARCH},
		"index of nothing": {func(f *fake) { f.addIndex() }, "there is none for any known platform"},
		"index in an index": {func(f *fake) {
			inner := f.addJSON(v1.MediaTypeImageIndex, v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, Manifests: []v1.Descriptor{}})
			f.addIndex(inner)
		}, "there is none for any known platform"},
		"index in an index in disguise": {func(f *fake) {
			inner := f.addJSON(v1.MediaTypeImageIndex, v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex, Manifests: []v1.Descriptor{}})
			inner.MediaType = v1.MediaTypeImageManifest
			f.addIndex(inner)
		}, "an index inside an index"},
		"index that lies about a size": {func(f *fake) {
			d, _ := f.addImage(hostPlatform(), nil, nil)
			d.Size--
			f.addIndex(d)
		}, "more than the announced"},
		"index with a digest that climbs": {func(f *fake) {
			f.addIndex(v1.Descriptor{MediaType: v1.MediaTypeImageManifest, Digest: "sha256:../../../x", Size: 1})
		}, "digest"},
		"manifest with a wrong byte": {func(f *fake) {
			d, _ := f.addImage(hostPlatform(), nil, nil)
			f.docs[d.Digest.String()] = stored{"x", append(f.docs[d.Digest.String()].data[:d.Size-1], ' ')}
			f.addIndex(d)
		}, ": "},
	} {
		t.Run(what, func(t *testing.T) {
			f := newFake(t)
			c.serve(f)
			s := newStore(t)
			_, err := pullQuick(t, s, f.ref(""), Options{Unpack: readAll(map[digest.Digest][]byte{})})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Pull: %v\nwant %s", err, c.want)
			}
			if images, err := s.Images(t.Context()); err != nil || len(images) != 0 {
				t.Errorf("%d images, %v", len(images), err)
			}
			if n := f.requests("GET", "elsewhere"); n != 0 {
				t.Error("the address inside the image was asked")
			}
		})
	}
}

func (f *fake) addIndex(ds ...v1.Descriptor) {
	f.t.Helper()
	if ds == nil {
		ds = []v1.Descriptor{}
	}
	for i := range ds {
		p := hostPlatform()
		ds[i].Platform = &p
	}
	f.addJSON(v1.MediaTypeImageIndex, v1.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex, Manifests: ds,
	}, "latest")
}

func TestByDigestTheDigestCounts(t *testing.T) {
	f := newFake(t)
	d, _ := f.addImage(hostPlatform(), nil, nil, "latest")
	other, _ := f.addImage(hostPlatform(), [][]byte{random(1, 10)}, nil)
	f.docs[d.Digest.String()] = f.docs[other.Digest.String()]
	_, err := pullQuick(t, newStore(t), f.ref("@"+d.Digest.String()), Options{})
	if err == nil || !strings.Contains(err.Error(), "manifest: the bytes have the digest "+other.Digest.String()) {
		t.Errorf("Pull: %v", err)
	}
}

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
	f.spoil = nil
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

// Ctrl-C in the middle of a layer: the end comes at once, and what there is
// can be resumed.
func TestCancel(t *testing.T) {
	f := newFake(t)
	layer := random(1, 500_000)
	m := f.simple(layer, random(2, 10))
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
			if p.Phase == Downloading && p.Current >= 50_000 {
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
	f.CloseClientConnections()
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
	f.spoil = first(always, "", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
	})
	if _, err := pullQuick(t, newStore(t), f.ref(""), Options{}); err == nil {
		t.Error("a circle of redirects was followed to its end")
	}
}
