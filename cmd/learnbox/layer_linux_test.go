package main

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/learnbox/learnbox/internal/privtest"
	"github.com/learnbox/learnbox/pull/tiny"
)

// A file is one entry of a layer.
type file struct {
	name string // with a slash at its end: a directory; with ".wh.": a whiteout
	link string // a symbolic link to that
	kind byte   // 0: as the name and the link say
	mode int64  // 0: 0755
	data string
}

// layerOf makes a layer of entries.
func layerOf(t *testing.T, files []file) v1.Layer {
	t.Helper()
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Linkname: f.link, Mode: f.mode, Typeflag: f.kind, Size: int64(len(f.data))}
		if h.Mode == 0 {
			h.Mode = 0o755
		}
		switch {
		case f.kind != 0:
		case f.link != "":
			h.Typeflag = tar.TypeSymlink
		case strings.HasSuffix(f.name, "/"):
			h.Typeflag = tar.TypeDir
		default:
			h.Typeflag = tar.TypeReg
		}
		if err := tw.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(tw, f.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	return layer
}

// tinyImage is the embedded image, as a base of others.
func tinyImage(t *testing.T) v1.Image {
	t.Helper()
	privtest.Require(t, "tiny")
	files, err := tiny.Layout()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "layout")
	if err := os.CopyFS(dir, files); err != nil {
		t.Fatal(err)
	}
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	img, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	return img
}
