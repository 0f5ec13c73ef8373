package pull

import (
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/learnbox/learnbox/internal/privtest"
)

// realRegistry serves the real images as a mirror of Docker Hub would.
func realRegistry(t *testing.T) (url string) {
	t.Helper()
	path, err := layout.FromPath(privtest.Images(t))
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
	srv := httptest.NewServer(registry.New(registry.Logger(slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo))))
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
		if wantDigest := ref.Repository() + "@" + want.answered.String(); !slices.Equal(r.Image.RepoDigests, []string{wantDigest}) {
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
