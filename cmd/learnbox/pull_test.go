package main

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	ggcr "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/learnbox/learnbox/internal/privtest"
	"github.com/learnbox/learnbox/pull"
	"github.com/learnbox/learnbox/pull/store"
)

// hub is a registry in this process that counts how often it is asked for an image.
type hub struct {
	addr  string
	base  ggcr.Image
	asked int
}

func startHub(t *testing.T) *hub {
	t.Helper()
	base, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	h := &hub{base: base}
	serve := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/manifests/") {
			h.asked++
		}
		serve.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	h.addr = strings.TrimPrefix(s.URL, "http://")
	return h
}

// push puts an image for linux/arch there, under the name "a". All have the same layer.
func (h *hub) push(t *testing.T, arch string) {
	t.Helper()
	c, err := h.base.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c.OS, c.Architecture = "linux", arch
	img, err := mutate.ConfigFile(h.base, c)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(h.addr + "/library/a")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
	h.asked = 0
}

func (h *hub) app(t *testing.T) (*app, *strings.Builder, *strings.Builder) {
	t.Helper()
	var stdout, stderr strings.Builder
	return &app{
		root: t.TempDir(), runDir: t.TempDir(), stdout: &stdout, stderr: &stderr,
		registries: pull.Registries{Mirrors: []string{"http://" + h.addr}},
	}, &stdout, &stderr
}

func TestImageForRun(t *testing.T) {
	privtest.Require(t, "root")
	h := startHub(t)
	h.push(t, "amd64")
	a, stdout, stderr := h.app(t)
	ctx := context.Background()

	_, err := a.imageFor(ctx, "a", "linux/amd64", pullNever, false)
	if err == nil || !strings.Contains(err.Error(), "unable to find image 'a:latest' locally") || h.asked > 0 {
		t.Fatalf("--pull never without the image: %v, and the registry was asked %d times", err, h.asked)
	}
	img, err := a.imageFor(ctx, "a", "linux/amd64", pullMissing, false)
	if err != nil {
		t.Fatal(err)
	}
	if want := "Unable to find image 'a:latest' locally\nlatest: Pulling from library/a\n"; !strings.HasPrefix(stderr.String(), want) {
		t.Errorf("stderr begins with\n%swant\n%s", stderr, want)
	}
	if want := "Status: Downloaded newer image for a:latest\n"; !strings.HasSuffix(stderr.String(), want) || stdout.Len() > 0 {
		t.Errorf("stderr ends with\n%s\nwant %s; stdout has %q, want nothing", stderr, want, stdout)
	}
	stderr.Reset()
	asked := h.asked
	for _, word := range []string{"a", "library/a:latest", img.ID.String(), img.ID.Encoded()[:6]} {
		again, err := a.imageFor(ctx, word, "", pullMissing, false)
		if err != nil || again.ID != img.ID || h.asked != asked || stderr.Len() > 0 {
			t.Errorf("imageFor(%s) = %s, %v, and asked %d times, stderr %q; want the image at hand", word, again.ID, err, h.asked-asked, stderr)
		}
	}
	if _, err := a.imageFor(ctx, "a", "", pullAlways, true); err != nil || h.asked == asked || stderr.Len() > 0 {
		t.Errorf("--pull always -q: %v, asked %d times, stderr %q; want it to ask and say nothing", err, h.asked-asked, stderr)
	}
}

// An image of another platform under the name is no answer to --platform.
func TestImageForAnotherPlatform(t *testing.T) {
	privtest.Require(t, "root")
	h := startHub(t)
	h.push(t, "amd64")
	a, _, _ := h.app(t)
	if _, err := a.imageFor(t.Context(), "a", "linux/amd64", pullMissing, true); err != nil {
		t.Fatal(err)
	}
	h.push(t, "386")
	img, err := a.imageFor(t.Context(), "a", "linux/386", pullMissing, true)
	if err != nil || img.Config.Architecture != "386" {
		t.Errorf("imageFor(a, linux/386) = %s, %v, want it pulled for 386", img.Config.Architecture, err)
	}
}

func TestFindImageNeverAsks(t *testing.T) {
	h := startHub(t)
	h.push(t, "amd64")
	a, _, _ := h.app(t)
	if _, err := a.findImage(t.Context(), "a"); !errors.Is(err, store.ErrNotFound) || h.asked > 0 {
		t.Errorf("findImage(a) = %v, asked %d times, want ErrNotFound and no question", err, h.asked)
	}
}

func TestParsePlatform(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"linux/amd64", "linux/amd64"},
		{"linux/arm/v7", "linux/arm/v7"},
		{"LINUX/AMD64", "linux/amd64"},
		{"arm64", "linux/arm64"},
		{"aarch64", "linux/arm64"},
		{"linux/x86_64", "linux/amd64"},
		{"linux/armhf", "linux/arm/v7"},
		{"i686", "linux/386"},
		{"windows/amd64", "windows/amd64"},
		{"linux//v7", "error"},
		{"/amd64", "error"},
		{"linux/arm/v7/x", "error"},
	} {
		t.Run(c.in, func(t *testing.T) {
			got := "error"
			if p, err := parsePlatform(c.in); err == nil {
				got = strings.TrimSuffix(p.OS+"/"+p.Architecture+"/"+p.Variant, "/")
			}
			if got != c.want {
				t.Errorf("parsePlatform(%q) = %s, want %s", c.in, got, c.want)
			}
		})
	}
}
