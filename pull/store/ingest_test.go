package store_test

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"testing"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/learnbox/learnbox/pull/store"
)

func descriptorOf(data []byte) v1.Descriptor {
	return v1.Descriptor{Digest: digest.FromBytes(data), Size: int64(len(data))}
}

func ingest(t *testing.T, s *store.Store, d v1.Descriptor) *store.Ingest {
	t.Helper()
	g, err := s.Ingest(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func write(t *testing.T, g *store.Ingest, data []byte) {
	t.Helper()
	if _, err := g.Write(data); err != nil {
		t.Fatal(err)
	}
}

func closeIngest(t *testing.T, g *store.Ingest, why error) {
	t.Helper()
	if err := g.Close(why); err != nil {
		t.Error(err)
	}
}

func follow(t *testing.T, g *store.Ingest) io.ReadCloser {
	t.Helper()
	r, err := g.Follow(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func TestIngest(t *testing.T) {
	s := open(t)
	data := bytes.Repeat([]byte("layer "), 10_000)
	d := descriptorOf(data)
	g := ingest(t, s, d)
	write(t, g, data[:100])
	write(t, g, data[100:])
	if s.Has(d) {
		t.Error("the blob is there before Commit")
	}
	if err := g.Commit(); err != nil {
		t.Fatal(err)
	}
	closeIngest(t, g, nil)
	f, err := s.OpenBlob(d)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, data) {
		t.Errorf("read back %d bytes, %v", len(got), err)
	}
	if left := list(t, filepath.Join(s.Dir(), "ingest")); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
	if _, err := s.Ingest(t.Context(), d); !errors.Is(err, store.ErrExists) {
		t.Errorf("again: %v, want ErrExists", err)
	}
}

func TestIngestRefusesWrongBytes(t *testing.T) {
	s := open(t)
	good := []byte("good bytes")
	d := descriptorOf(good)
	g := ingest(t, s, d)
	var size *store.SizeError
	if _, err := g.Write([]byte("good bytes and more")); !errors.As(err, &size) {
		t.Errorf("too long: %v, want a *SizeError", err)
	}
	write(t, g, []byte("good"))
	if err := g.Commit(); !errors.As(err, &size) || size.Got != 4 {
		t.Errorf("too short: %v, want a *SizeError", err)
	}
	write(t, g, []byte(" BYTES"))
	var wrong *store.DigestError
	if err := g.Commit(); !errors.As(err, &wrong) {
		t.Errorf("wrong bytes: %v, want a *DigestError", err)
	}
	if s.Has(d) {
		t.Error("wrong bytes are in the store")
	}
	if err := g.Reset(); err != nil {
		t.Fatal(err)
	}
	write(t, g, good)
	if err := g.Commit(); err != nil {
		t.Errorf("after a reset: %v", err)
	}
	closeIngest(t, g, nil)
	for _, bad := range []v1.Descriptor{{Digest: "sha256:../../x", Size: 1}, {Digest: d.Digest, Size: -1}, {}} {
		if _, err := s.Ingest(t.Context(), bad); err == nil {
			t.Errorf("Ingest(%+v) was accepted", bad)
		}
	}
}

func TestEmptyBlob(t *testing.T) {
	s := open(t)
	g := ingest(t, s, descriptorOf(nil))
	r := follow(t, g)
	if err := g.Commit(); err != nil {
		t.Fatal(err)
	}
	closeIngest(t, g, nil)
	if got, err := io.ReadAll(r); err != nil || len(got) != 0 {
		t.Errorf("read %q, %v", got, err)
	}
}
