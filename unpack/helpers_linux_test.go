package unpack

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	digest "github.com/opencontainers/go-digest"

	"github.com/learnbox/learnbox/pull/store"
)

// someTime is when everything in the tests' archives was changed, with
// nanoseconds, as PAX records have them.
func someTime() time.Time { return time.Unix(1_500_000_000, 123_456_789) }

// An item is an entry of an archive, made by the functions below.
type item struct {
	header tar.Header
	body   string
}

func file(name, body string) item {
	return item{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(body))}, body}
}

func folder(name string) item {
	return item{header: tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}}
}

func symlink(name, target string) item {
	return item{header: tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}}
}

func hardlink(name, target string) item {
	return item{header: tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target, Mode: 0o644}}
}

func node(kind byte, name string, major, minor int64) item {
	return item{header: tar.Header{Typeflag: kind, Name: name, Mode: 0o620, Devmajor: major, Devminor: minor}}
}

// with changes the header of an item.
func (i item) with(change func(*tar.Header)) item {
	change(&i.header)
	return i
}

// archive writes the items as a tar.
func archive(t testing.TB, items ...item) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, i := range items {
		h := i.header
		if h.Typeflag != tar.TypeXGlobalHeader {
			h.Format = tar.FormatPAX
			if h.ModTime.IsZero() {
				h.ModTime = someTime()
			}
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatalf("header of %q: %v", h.Name, err)
		}
		if _, err := io.WriteString(w, i.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// layerOf makes a layer of an uncompressed tar.
func layerOf(plain []byte) store.Layer {
	return packedLayer(plain, plain, "application/vnd.oci.image.layer.v1.tar")
}

// packedLayer makes a layer whose blob is packed.
func packedLayer(plain, packed []byte, mediaType string) store.Layer {
	return store.Layer{
		Digest:    digest.FromBytes(packed),
		DiffID:    digest.FromBytes(plain),
		Size:      int64(len(packed)),
		MediaType: mediaType,
		Open: func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(packed)), nil
		},
	}
}

// layers makes an uncompressed layer of each list of items.
func layers(t testing.TB, lists ...[]item) []store.Layer {
	t.Helper()
	var all []store.Layer
	for _, items := range lists {
		all = append(all, layerOf(archive(t, items...)))
	}
	return all
}

// rootDir returns a directory for Flatten.
func rootDir(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "rootfs")
}

// leftovers lists what is in dir beside trees.
func leftovers(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names
}
