package pull

import (
	"errors"
	"strings"
	"testing"

	"github.com/distribution/reference"
)

func TestParseName(t *testing.T) {
	sum := "@sha256:" + strings.Repeat("a", 64)
	for word, want := range map[string]string{
		"alpine":                       "docker.io/library/alpine:latest",
		"alpine:3.20":                  "docker.io/library/alpine:3.20",
		"alpine" + sum:                 "docker.io/library/alpine" + sum,
		"alpine:3.20" + sum:            "docker.io/library/alpine:3.20" + sum,
		"learnbox/layers:1":            "docker.io/learnbox/layers:1",
		"index.docker.io/alpine":       "docker.io/library/alpine:latest",
		"quay.io/centos7/httpd-24":     "quay.io/centos7/httpd-24:latest",
		"localhost/x":                  "localhost/x:latest",
		"127.0.0.1:5000/a/b:c":         "127.0.0.1:5000/a/b:c",
		"[::1]:5000/x":                 "[::1]:5000/x:latest",
		"REGISTRY/x":                   "REGISTRY/x:latest",
		"sha256:abc":                   "docker.io/library/sha256:abc",
		"docker.io/library/alpine:3.9": "docker.io/library/alpine:3.9",
	} {
		if ref, err := ParseName(word); err != nil || ref.String() != want {
			t.Errorf("ParseName(%q) = %v, %v, want %s", word, ref, err, want)
		}
	}
	for word, hint := range map[string]string{
		"":                                      "give a name",
		"Alpine":                                "lower case: alpine",
		"https://quay.io/x":                     "leave the scheme out: quay.io/x",
		"two words":                             "no spaces",
		"alpine:":                               "reads [REGISTRY/]",
		"alpine@sha256:12":                      "reads [REGISTRY/]",
		"../etc":                                "reads [REGISTRY/]",
		"-x":                                    "reads [REGISTRY/]",
		strings.Repeat("a", 64):                 "reads [REGISTRY/]",
		strings.Repeat("a", 300):                "reads [REGISTRY/]",
		"a//b":                                  "reads [REGISTRY/]",
		"alpine:tag:tag":                        "reads [REGISTRY/]",
		"alpine@md5:" + strings.Repeat("a", 32): "reads [REGISTRY/]",
	} {
		ref, err := ParseName(word)
		var h interface{ Hint() string }
		if !errors.As(err, &h) || !strings.Contains(h.Hint(), hint) {
			t.Errorf("ParseName(%q) = %v, %v, want a hint like %q", word, ref, err, hint)
		}
	}
}

func FuzzParseName(f *testing.F) {
	for _, s := range []string{"alpine", "quay.io/a/b:c", "a@sha256:" + strings.Repeat("0", 64), "[::1]:5000/x", "A", "a..b", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := ParseName(s)
		if err != nil {
			if h, ok := err.(interface{ Hint() string }); !ok || h.Hint() == "" {
				t.Errorf("ParseName(%q): %v has no hint", s, err)
			}
			return
		}
		if reference.IsNameOnly(ref) {
			t.Errorf("ParseName(%q) = %s has neither tag nor digest", s, ref)
		}
		again, err := ParseName(ref.String())
		if err != nil || again.String() != ref.String() {
			t.Errorf("ParseName(%q) = %s, which reads as %v, %v", s, ref, again, err)
		}
	})
}

func FuzzNewDocument(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"digest":"sha256:x","platform":{"os":"linux"}}]}`), "")
	f.Add([]byte(`{"schemaVersion":2,"config":{},"layers":[]}`), "application/json; charset=utf-8")
	f.Add([]byte(`{"schemaVersion":1}`), dockerManifest)
	f.Fuzz(func(t *testing.T, data []byte, contentType string) {
		doc, err := newDocument(data, contentType, "sha256")
		if err == nil && !isIndex(doc.desc.MediaType) && !isManifest(doc.desc.MediaType) {
			t.Errorf("let through: %q", doc.desc.MediaType)
		}
	})
}
