package pull

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	digest "github.com/opencontainers/go-digest"
)

func TestEndpoints(t *testing.T) {
	r := Registries{
		Mirrors:  []string{"http://127.0.0.1:5000", "https://127.0.0.1:5001/", "http://mirror", "10.1.2.3:5000"},
		Insecure: []string{"10.1.0.0/16", "registry.example.org", "other.example.org:5000", "http://third.example.org"},
	}
	for name, want := range map[string]string{
		"alpine": "http://127.0.0.1:5000 [http] https://127.0.0.1:5001 [https anycert] http://mirror [http] " +
			"https://10.1.2.3:5000 [https http anycert] https://index.docker.io [https]",
		"quay.io/x/y":                 "https://quay.io [https]",
		"localhost:5000/x":            "https://localhost:5000 [https http anycert]",
		"127.9.9.9/x":                 "https://127.9.9.9 [https http anycert]",
		"[::1]:5000/x":                "https://[::1]:5000 [https http anycert]",
		"10.1.255.1/x":                "https://10.1.255.1 [https http anycert]",
		"10.2.0.1/x":                  "https://10.2.0.1 [https]",
		"192.168.1.1:5000/x":          "https://192.168.1.1:5000 [https]",
		"registry.example.org/x":      "https://registry.example.org [https http anycert]",
		"registry.example.org:444/x":  "https://registry.example.org:444 [https http anycert]",
		"other.example.org:5000/x":    "https://other.example.org:5000 [https http anycert]",
		"other.example.org/x":         "https://other.example.org [https]",
		"third.example.org/x":         "https://third.example.org [https http anycert]",
		"evil.registry.example.org/x": "https://evil.registry.example.org [https]",
	} {
		ends, err := endpoints(t.Context(), parse(t, name), r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for _, e := range ends {
			var can []string
			if e.https {
				can = append(can, "https")
			}
			if e.http {
				can = append(can, "http")
			}
			if e.anyCert {
				can = append(can, "anycert")
			}
			got = append(got, fmt.Sprintf("%s [%s]", e.url, strings.Join(can, " ")))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %s\nwant %s", name, strings.Join(got, " "), want)
		}
	}
	for _, bad := range []string{"ftp://x", "http://", "http://user:pass@x", "http://x/path", "http://x?q", "://", "http://a b"} {
		if _, err := endpoints(t.Context(), parse(t, "alpine"), Registries{Mirrors: []string{bad}}); err == nil {
			t.Errorf("mirror %q was accepted", bad)
		}
	}
}

// TestEndpointsOfNoHost: whoever mistypes a private registry's name does not want
// Docker Hub to be asked instead.
func TestEndpointsOfNoHost(t *testing.T) {
	ends, err := endpoints(t.Context(), parse(t, "my_registry.example.org/secret"), Registries{Mirrors: []string{"http://127.0.0.1:5000"}})
	if err == nil || !strings.HasPrefix(err.Error(), "my_registry.example.org is no name of a host") {
		t.Errorf("asks %v, %v, want an error that names the host", ends, err)
	}
}

func TestMirrorsInOrder(t *testing.T) {
	without, with := newFake(t), newFake(t)
	m := with.simple(random(1, 100))
	o := Options{Registries: Registries{Mirrors: []string{without.URL, with.URL}}}
	s := newStore(t)
	r, err := pullQuick(t, s, parse(t, "alpine"), o)
	if err != nil || r.Image.Names[0] != "docker.io/library/alpine:latest" {
		t.Fatalf("Pull: %v, %v", r.Image.Names, err)
	}
	if without.gets("latest") != 1 || with.gets(m.Layers[0].Digest.String()) != 1 {
		t.Errorf("asked: %v and %v", without.asked, with.asked)
	}
	if r, err := pullQuick(t, s, parse(t, "alpine"), Options{Registries: Registries{Mirrors: []string{with.URL}}}); err != nil || !r.UpToDate {
		t.Errorf("again: up to date %v, %v", r.UpToDate, err)
	}
}

// A mirror knows the manifest and has lost the layer: the next one has it.
func TestLayerFromTheNextMirror(t *testing.T) {
	a, b := newFake(t), newFake(t)
	m := a.simple(random(1, 100_000))
	b.simple(random(1, 100_000))
	a.spoil = cut(m.Layers[0].Digest, random(1, 100_000), 40_000)
	gone := first(always, m.Layers[0].Digest.String(), status(http.StatusNotFound))
	once := a.spoil
	a.spoil = func(w http.ResponseWriter, r *http.Request) bool { return once(w, r) || gone(w, r) }
	got := map[digest.Digest][]byte{}
	_, err := pullQuick(t, newStore(t), parse(t, "alpine"), Options{
		Registries: Registries{Mirrors: []string{a.URL, b.URL}}, Unpack: readAll(got),
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := b.bytesOf(m.Layers[0].Digest); n != 60_000 {
		t.Errorf("the second mirror served %d bytes, want the 60000 that the first did not", n)
	}
}

func TestAskedError(t *testing.T) {
	e := &askedError{
		urls: []string{"http://a", "http://b", "http://c"},
		errs: []error{&failure{what: "not found"}, &failure{what: "refused", hint: "try"}, &failure{what: "not found"}},
	}
	if got, want := e.Error(), "not found (asked http://a, http://c); refused (asked http://b)"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	if e.Hint() != "try" {
		t.Errorf("Hint() = %q, want the first that there is", e.Hint())
	}
}

// TLS with a certificate that nobody vouches for is fine on loopback, and not
// for a mirror elsewhere; plain HTTP is never fallen back to there.
func TestCertificates(t *testing.T) {
	f := newFake(t)
	f.simple(random(1, 100))
	f.Close()
	f.Server = httptest.NewUnstartedServer(f)
	f.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo) // it would tell of the handshake that we refuse
	f.StartTLS()
	t.Cleanup(f.Close)
	ref := parse(t, strings.TrimPrefix(f.URL, "https://")+"/test/image")
	if _, err := pullQuick(t, newStore(t), ref, Options{}); err != nil {
		t.Errorf("on loopback: %v", err)
	}

	e, err := newEndpoint(t.Context(), strings.TrimPrefix(f.URL, "https://"), nil)
	if err != nil {
		t.Fatal(err)
	}
	e.anyCert, e.http = false, false // as if it were elsewhere
	src := &source{endpoint: e, path: "x", pace: *quick(), base: newTransport(e, *quick())}
	_, err = src.connect(t.Context())
	err = explain(err, e.host)
	var h interface{ Hint() string }
	if err == nil || !strings.Contains(err.Error(), "certificate is not trusted") || !errors.As(err, &h) || !strings.Contains(h.Hint(), "insecure-registries") {
		t.Errorf("elsewhere: %v", err)
	}
}

func TestPlainHTTPElsewhere(t *testing.T) {
	f := newFake(t)
	e, err := newEndpoint(t.Context(), f.host(), nil)
	if err != nil {
		t.Fatal(err)
	}
	e.http = false // as if it were elsewhere
	src := &source{endpoint: e, path: "x", pace: *quick(), base: newTransport(e, *quick())}
	_, err = src.connect(t.Context())
	if err = explain(err, e.host); err == nil || !strings.Contains(err.Error(), "it speaks plain HTTP, and HTTPS is wanted") {
		t.Errorf("connect: %v", err)
	}
	if len(f.asked) != 0 {
		t.Errorf("asked in the clear: %v", f.asked)
	}
}

func TestCredentials(t *testing.T) {
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("learner:secret"))
	for what, c := range map[string]struct {
		challenge func(f *fake) string
		want      string
	}{
		"basic": {func(*fake) string { return `Basic realm="x"` }, basic},
		"bearer": {func(f *fake) string {
			return `Bearer realm="` + f.URL + `/token",service="s",scope="repository:test/image:pull"`
		}, "Bearer a-token"},
	} {
		t.Run(what, func(t *testing.T) {
			f := newFake(t)
			f.simple(random(1, 100))
			f.spoil = func(w http.ResponseWriter, r *http.Request) bool {
				got := r.Header.Get("Authorization")
				switch {
				case r.URL.Path == "/token" && got == basic:
					fmt.Fprint(w, `{"token":"a-token"}`)
				case r.URL.Path == "/token" || got != c.want:
					w.Header().Set("WWW-Authenticate", c.challenge(f))
					w.WriteHeader(http.StatusUnauthorized)
				default:
					return false
				}
				return true
			}
			dir := t.TempDir()
			config := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, f.host(), strings.TrimPrefix(basic, "Basic "))
			if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := pullQuick(t, newStore(t), f.ref(""), Options{}); err == nil || !strings.Contains(err.Error(), "access denied") {
				t.Errorf("without credentials: %v", err)
			}
			t.Setenv("HOME", t.TempDir())
			t.Setenv("DOCKER_CONFIG", dir)
			if _, err := Pull(t.Context(), newStore(t), f.ref(""), Options{pace: quick()}); err != nil {
				t.Errorf("with them: %v", err)
			}
		})
	}
}

func TestRedirectToPrivateAddress(t *testing.T) {
	request := func(url string) *http.Request {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, c := range []struct {
		from, to string
		ok       bool
	}{
		{"https://quay.io/x", "https://cdn.example.org/y", true},
		{"https://quay.io/x", "https://169.254.169.254/latest", false},
		{"https://quay.io/x", "https://10.0.0.1/", false},
		{"https://quay.io/x", "https://[::1]/", false},
		{"https://quay.io/x", "https://[::ffff:127.0.0.1]/", false},
		{"https://quay.io/x", "https://localhost/", false},
		{"https://quay.io/x", "https://0.0.0.0/", false},
		{"http://10.0.0.1/x", "http://10.0.0.2/", true},
		{"http://127.0.0.1/x", "http://127.0.0.1:1/", true},
	} {
		if err := redirect(request(c.to), []*http.Request{request(c.from)}); (err == nil) != c.ok {
			t.Errorf("redirect from %s to %s: %v", c.from, c.to, err)
		}
	}
}
