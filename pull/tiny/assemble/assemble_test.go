package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/learnbox/learnbox/pull/tiny"
)

// toy stands for a busybox with three commands.
func toy() source {
	return source{
		program:   []byte("#!ELF"),
		applets:   []string{"bin/sh", "usr/bin/wc", "sbin/ip", "bin/busybox", "bin/sh", "linuxrc"},
		copyright: []byte("GPL\n"),
		version:   "1:2.3-4",
		time:      time.Unix(1700000000, 0).UTC(),
	}
}

func TestRootfs(t *testing.T) {
	var archive bytes.Buffer
	if err := writeTar(&archive, rootfs(toy()), toy().time); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for tr, seen := tar.NewReader(&archive), map[string]bool{}; ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(h.Name, "/")
		if seen[name] {
			t.Errorf("%s stands in the archive twice", name)
		}
		if name != "." && !seen[path.Dir(name)] {
			t.Errorf("%s comes before its directory", name)
		}
		if !h.ModTime.Equal(toy().time) {
			t.Errorf("%s has the time %v, want %v", name, h.ModTime, toy().time)
		}
		seen[name] = true
		got[h.Name] = strings.TrimSpace(h.FileInfo().Mode().String() + " " + h.Linkname)
	}
	for name, want := range map[string]string{
		"bin/busybox":                     "-rwxr-xr-x",
		"bin/sh":                          "Lrwxrwxrwx /bin/busybox",
		"usr/bin/wc":                      "Lrwxrwxrwx /bin/busybox",
		"sbin/ip":                         "Lrwxrwxrwx /bin/busybox",
		"etc/passwd":                      "-rw-r--r--",
		"usr/share/doc/busybox/copyright": "-rw-r--r--",
		"root/":                           "drwx------",
		"tmp/":                            "dtrwxrwxrwx",
		"proc/":                           "drwxr-xr-x",
		"linuxrc":                         "",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

// TestReproducible builds twice, the second time over an older image.
func TestReproducible(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	older := toy()
	older.version = "0"
	for _, build := range []struct {
		dir string
		s   source
	}{{first, toy()}, {second, older}, {second, toy()}} {
		if err := writeLayout(build.dir, build.s); err != nil {
			t.Fatal(err)
		}
	}
	a, b := files(t, first), files(t, second)
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("two builds differ:\n%s", diff)
	}
	if len(a) != 5 {
		t.Errorf("the layout has %d files, want oci-layout, index.json and three blobs", len(a))
	}
}

func TestPlaceholderStays(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, placeholder), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeLayout(dir, toy()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, placeholder)); err != nil {
		t.Error(err)
	}
}

// TestChain follows the layout from its index to the bytes of the layer.
func TestChain(t *testing.T) {
	dir := t.TempDir()
	if err := writeLayout(dir, toy()); err != nil {
		t.Fatal(err)
	}
	var index v1.Index
	decode(t, read(t, dir, "index.json"), &index)
	if got := index.Manifests[0].Annotations[v1.AnnotationRefName]; got != tiny.Name {
		t.Errorf("the image is called %q, want %q", got, tiny.Name)
	}
	if got := index.Manifests[0].Platform.Architecture; got != runtime.GOARCH {
		t.Errorf("the image is for %s, want %s", got, runtime.GOARCH)
	}
	var manifest v1.Manifest
	decode(t, blob(t, dir, index.Manifests[0]), &manifest)
	var config v1.Image
	decode(t, blob(t, dir, manifest.Config), &config)
	zr, err := gzip.NewReader(bytes.NewReader(blob(t, dir, manifest.Layers[0])))
	if err != nil {
		t.Fatal(err)
	}
	archive, err := io.ReadAll(zr)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := config.RootFS.DiffIDs[0].Algorithm().FromBytes(archive), config.RootFS.DiffIDs[0]; got != want {
		t.Errorf("the layer's diffID is %s, the config says %s", got, want)
	}
	if got := strings.Join(config.Config.Cmd, " "); got != "sh" {
		t.Errorf("the image runs %q, want sh", got)
	}
}

func TestWrongFlags(t *testing.T) {
	for name, args := range map[string][]string{
		"no directory":      {},
		"a word too many":   {"-out", t.TempDir(), "more"},
		"an unknown flag":   {"-nope"},
		"no such busybox":   {"-out", t.TempDir(), "-busybox", "/nonexistent"},
		"not a busybox":     {"-out", t.TempDir(), "-busybox", "/bin/false"},
		"no such licence":   {"-out", t.TempDir(), "-busybox", "/bin/true", "-copyright", "/nonexistent"},
		"a time of letters": {"-out", t.TempDir(), "-time", "now"},
	} {
		if err := run(args, io.Discard); err == nil {
			t.Errorf("%s: assemble %q went well", name, args)
		}
	}
}

// blob reads what a descriptor points to and checks that it does.
func blob(t *testing.T, dir string, d v1.Descriptor) []byte {
	t.Helper()
	data := read(t, dir, path.Join("blobs", d.Digest.Algorithm().String(), d.Digest.Encoded()))
	if got := d.Digest.Algorithm().FromBytes(data); got != d.Digest || int64(len(data)) != d.Size {
		t.Errorf("%s: %d bytes with digest %s, want %d with %s", d.MediaType, len(data), got, d.Size, d.Digest)
	}
	return data
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func decode(t *testing.T, data []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

// files returns every file below dir with its contents.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all[name] = string(read(t, dir, name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
