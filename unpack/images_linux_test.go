package unpack

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/privtest"
	"github.com/learnbox/learnbox/pull/store"
)

// imageLayers reads an image of the test images: the first platform of an index.
func imageLayers(t *testing.T, reference string) []store.Layer {
	t.Helper()
	dir := privtest.Images(t)
	blob := func(d digest.Digest) string { return filepath.Join(dir, "blobs", d.Algorithm().String(), d.Encoded()) }
	var index v1.Index
	readJSON(t, filepath.Join(dir, "index.json"), &index)
	for _, d := range index.Manifests {
		if d.Annotations[v1.AnnotationRefName] != reference {
			continue
		}
		if strings.Contains(d.MediaType, "index") || strings.Contains(d.MediaType, "list") {
			readJSON(t, blob(d.Digest), &index)
			d = index.Manifests[0]
		}
		var manifest v1.Manifest
		readJSON(t, blob(d.Digest), &manifest)
		var config v1.Image
		readJSON(t, blob(manifest.Config.Digest), &config)
		var all []store.Layer
		for i, l := range manifest.Layers {
			all = append(all, store.Layer{
				Digest: l.Digest, DiffID: config.RootFS.DiffIDs[i], Size: l.Size, MediaType: l.MediaType,
				Open: func(context.Context) (io.ReadCloser, error) { return os.Open(blob(l.Digest)) },
			})
		}
		return all
	}
	t.Fatalf("%s is not among the test images", reference)
	return nil
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// TestLayersImage compares learnbox/layers:1 with what Docker shows of it, which
// stands in the README.md of the test images.
func TestLayersImage(t *testing.T) {
	all := imageLayers(t, "docker.io/learnbox/layers:1")
	path := flattened(t, Options{}, all...)
	readme, err := os.ReadFile(filepath.Join(privtest.Images(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for line := range strings.Lines(string(readme)) {
		if fields := strings.Fields(line); len(fields) >= 4 && len(fields[0]) == 10 && strings.HasPrefix(fields[3], "app") {
			want[strings.Join(fields, " ")] = true
		}
	}
	if len(want) != 13 {
		t.Fatalf("README.md lists %d files, want 13", len(want))
	}
	err = filepath.WalkDir(filepath.Join(path, "app"), func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		line := tarLine(t, path, p)
		if !want[line] {
			t.Errorf("not in Docker's listing: %s", line)
		}
		delete(want, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for line := range want {
		t.Errorf("only in Docker's listing: %s", line)
	}
	if b, err := os.ReadFile(filepath.Join(path, "app/two-hard")); err != nil || string(b) != "two\n" {
		t.Errorf("the broken hard link holds %q, %v", b, err)
	}
	if used := lstat(t, filepath.Join(path, "app/sparse")).Blocks; used > 16 {
		t.Errorf("the sparse file takes %d blocks", used)
	}
}

// tarLine describes a file as tar -tv does, without its time.
func tarLine(t *testing.T, root, path string) string {
	t.Helper()
	st := lstat(t, path)
	name, err := filepath.Rel(root, path)
	if err != nil {
		t.Fatal(err)
	}
	kind, size := "?", int64(0)
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		kind, size = "-", st.Size
	case unix.S_IFDIR:
		kind = "d"
	case unix.S_IFIFO:
		kind = "p"
	case unix.S_IFLNK:
		kind = "l"
		target, err := os.Readlink(path)
		if err != nil {
			t.Fatal(err)
		}
		name += " -> " + target
	}
	mode := []byte(fs.FileMode(st.Mode & 0o777).String()[1:])
	if st.Mode&unix.S_ISUID != 0 {
		mode[2] = 's'
	}
	return fmt.Sprintf("%s%s %d/%d %d %s", kind, mode, st.Uid, st.Gid, size, name)
}

// TestAgainstTar unpacks the first layer of each real image with GNU tar as well:
// without whiteouts the two must agree on everything but access times.
func TestAgainstTar(t *testing.T) {
	gnu, err := exec.LookPath("tar")
	if err != nil {
		t.Skip("tar is not installed")
	}
	for _, reference := range []string{"docker.io/library/alpine:3.20.3", "docker.io/library/busybox:1.38.0"} {
		t.Run(reference, func(t *testing.T) {
			l := imageLayers(t, reference)[0]
			ours := flattened(t, Options{}, l)
			theirs := t.TempDir()
			r, err := l.Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = r.Close() }()
			cmd := exec.CommandContext(t.Context(), gnu, "-xzpf", "-", "--numeric-owner", "-C", theirs)
			cmd.Stdin, cmd.Stderr = r, t.Output()
			if err := cmd.Run(); err != nil {
				t.Fatal(err)
			}
			want := everything(t, theirs)
			for name, got := range everything(t, ours) {
				if got != want[name] {
					t.Errorf("%s\ngot  %s\nwant %s", name, got, want[name])
				}
				delete(want, name)
			}
			for name := range want {
				t.Errorf("%s is missing", name)
			}
		})
	}
}

// everything describes each file below top, the number of its names and its
// content too.
func everything(t *testing.T, top string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == top {
			return err
		}
		st := lstat(t, path)
		what := fmt.Sprintf("%s links %d", described(st), st.Nlink)
		if d.Type().IsRegular() {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			what += " " + digest.FromBytes(b).String()
		}
		if target, err := os.Readlink(path); err == nil {
			what += " -> " + target
		}
		all[strings.TrimPrefix(path, top)] = what
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
