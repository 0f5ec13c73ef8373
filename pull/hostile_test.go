package pull

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	digest "github.com/opencontainers/go-digest"
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
		"429 then fine":         first(2, "/manifests/", status(429)),
		"500 then fine":         first(3, "/manifests/", status(500)),
		"503 for the ping":      first(2, "/v2/", status(503)),
		"reset of a manifest":   first(2, "/manifests/", reset),
		"a manifest that hangs": first(1, "/manifests/", hang),
		"502 for a layer":       first(3, "/blobs/", status(502)),
		"reset of a layer":      first(2, "/blobs/", reset),
		"half a manifest":       first(1, "/manifests/", half(10)),
		"Retry-After":           first(1, "/manifests/", retryIn("0")),
		"no HEAD": func(w http.ResponseWriter, r *http.Request) bool {
			return r.Method == "HEAD" && first(1, "", status(405))(w, r)
		},
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
	f.respoil(first(always, "/manifests/", retryIn("3600")))
	if _, err := pullQuick(t, newStore(t), f.ref(""), Options{}); err == nil || !strings.Contains(err.Error(), "too many requests") {
		t.Errorf("an hour: %v", err)
	}
	if n := f.gets("latest"); n != 3 {
		t.Errorf("%d requests in all, want 3", n)
	}
}
