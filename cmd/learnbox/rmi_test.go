package main

import (
	"context"
	"os"
	"strings"
	"testing"

	digest "github.com/opencontainers/go-digest"

	"github.com/learnbox/learnbox/internal/privtest"
	"github.com/learnbox/learnbox/unpack"
)

// A container's root filesystem is the image's: it must not go before the container.
func TestRmiAndContainers(t *testing.T) {
	privtest.Require(t, "root")
	h := startHub(t)
	h.push(t, "amd64")
	a, stdout, _ := h.app(t)
	a.ctx = t.Context()
	img, err := a.pullImage(a.ctx, "a", "linux/amd64", true)
	if err != nil {
		t.Fatal(err)
	}
	rootfs, _ := unpack.Path(a.rootfsDir(), img.Layers)
	a.imageUsers = func(_ context.Context, id digest.Digest) ([]string, error) {
		if id != img.ID {
			t.Errorf("asked for the containers of %s, want %s", id, img.ID)
		}
		return []string{"busy_kepler"}, nil
	}
	for _, word := range []string{"a", shortID(img.ID)} {
		err = (&RmiCmd{Images: []string{word}}).Run(a)
		if err == nil || !strings.Contains(err.Error(), "is used by container busy_kepler") || stdout.Len() > 0 {
			t.Fatalf("rmi %s = %v, prints %q, want it refused", word, err, stdout)
		}
	}
	if err := (&TagCmd{Source: "a", Target: "b"}).Run(a); err != nil {
		t.Fatal(err)
	}
	if err := (&RmiCmd{Images: []string{"b"}}).Run(a); err != nil || !strings.Contains(stdout.String(), "Untagged: b:latest\n") {
		t.Fatalf("rmi of one name of two: %v, prints %q", err, stdout)
	}
	if err := (&RmiCmd{Force: true, Images: []string{"a"}}).Run(a); err != nil {
		t.Fatalf("rmi -f: %v", err)
	}
	if _, err := os.Stat(rootfs); err != nil {
		t.Errorf("rmi -f took the files below a container away: %v", err)
	}
}

// Two images with the same layers share a directory.
func TestRmiKeepsSharedFiles(t *testing.T) {
	privtest.Require(t, "root")
	h := startHub(t)
	h.push(t, "amd64")
	a, _, _ := h.app(t)
	a.ctx = t.Context()
	first, err := a.pullImage(a.ctx, "a", "linux/amd64", true)
	if err != nil {
		t.Fatal(err)
	}
	if err := (&TagCmd{Source: "a", Target: "b"}).Run(a); err != nil {
		t.Fatal(err)
	}
	h.push(t, "386")
	second, err := a.pullImage(a.ctx, "a", "linux/386", true)
	if err != nil || second.ID == first.ID {
		t.Fatalf("the second image is %s, %v, want another one than %s", second.ID, err, first.ID)
	}
	rootfs, _ := unpack.Path(a.rootfsDir(), first.Layers)
	if other, _ := unpack.Path(a.rootfsDir(), second.Layers); other != rootfs {
		t.Fatalf("the images are in %s and %s, want one directory", rootfs, other)
	}
	for _, c := range []struct {
		word string
		want bool // the directory is still there
	}{{"a", true}, {"b", true}, {shortID(first.ID), false}} { // it was pulled as a@sha256:… too
		if err := (&RmiCmd{Images: []string{c.word}}).Run(a); err != nil {
			t.Fatal(err)
		}
		if _, there := unpack.Path(a.rootfsDir(), first.Layers); there != c.want {
			t.Errorf("after rmi %s the files are there: %v, want %v", c.word, there, c.want)
		}
	}
}

func TestSkipsAreToldInPart(t *testing.T) {
	var s skips
	for range 7 {
		s.add(unpack.Skip{Layer: digest.FromString("a"), Name: "dev/\x1bsda", Why: "a device"})
	}
	var w strings.Builder
	s.warn(&w)
	one := `warning: layer ca978112ca1b: "dev/\x1bsda" is left out: a device` + "\n"
	if want := strings.Repeat(one, 5) + "warning: 2 more entries are left out\n"; w.String() != want {
		t.Errorf("warn prints\n%swant\n%s", w.String(), want)
	}
}
