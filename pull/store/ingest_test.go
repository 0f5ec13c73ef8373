package store_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

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

func TestFollowReadsWhileItGrows(t *testing.T) {
	s := open(t)
	data := []byte("0123456789")
	g := ingest(t, s, descriptorOf(data))
	r := follow(t, g)
	write(t, g, data[:4])
	buf := make([]byte, 100)
	if n, err := r.Read(buf); n != 4 || err != nil {
		t.Fatalf("first read: %d, %v, want the 4 bytes that are there", n, err)
	}
	write(t, g, data[4:])
	if n, err := r.Read(buf); n != 6 || err != nil {
		t.Fatalf("second read: %d, %v, want 6", n, err)
	}
	eof := make(chan error, 1)
	go func() {
		_, err := r.Read(buf)
		eof <- err
	}()
	select {
	case err := <-eof:
		t.Fatalf("the end came before the bytes were verified: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	if err := g.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-eof; !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v, want io.EOF", err)
	}
	late := follow(t, g) // after Commit, from the beginning
	closeIngest(t, g, nil)
	if got, err := io.ReadAll(late); err != nil || string(got) != string(data) {
		t.Errorf("late reader: %q, %v", got, err)
	}
}

func TestFollowGetsTheError(t *testing.T) {
	s := open(t)
	g := ingest(t, s, descriptorOf([]byte("0123456789")))
	r := follow(t, g)
	write(t, g, []byte("01"))
	boom := errors.New("the cable was cut")
	got := make(chan error, 1)
	go func() {
		_, err := io.ReadAll(r)
		got <- err
	}()
	closeIngest(t, g, boom)
	if err := <-got; !errors.Is(err, boom) {
		t.Errorf("reader: %v, want the download's error", err)
	}
	if _, err := g.Follow(t.Context()); !errors.Is(err, boom) {
		t.Errorf("a later reader: %v, want the download's error", err)
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	s := open(t)
	g := ingest(t, s, descriptorOf([]byte("0123456789")))
	defer closeIngest(t, g, nil)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := g.Follow(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cancel()
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("read: %v, want context.Canceled", err)
	}
}

func TestResetTellsThoseWhoHaveRead(t *testing.T) {
	s := open(t)
	data := []byte("0123456789")
	g := ingest(t, s, descriptorOf(data))
	reader, waiter := follow(t, g), follow(t, g)
	write(t, g, []byte("xx"))
	if _, err := reader.Read(make([]byte, 2)); err != nil {
		t.Fatal(err)
	}
	if err := g.Reset(); err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Read(make([]byte, 2)); !errors.Is(err, store.ErrRestarted) {
		t.Errorf("who has read: %v, want ErrRestarted", err)
	}
	if !g.Tainted() {
		t.Error("Tainted() = false")
	}
	write(t, g, data)
	if err := g.Commit(); err != nil {
		t.Fatal(err)
	}
	closeIngest(t, g, nil)
	if got, err := io.ReadAll(waiter); err != nil || string(got) != string(data) {
		t.Errorf("who has not read: %q, %v", got, err)
	}
}

// Bytes of an earlier process are shown to nobody before the whole is verified.
func TestResume(t *testing.T) {
	s := open(t)
	data := bytes.Repeat([]byte("0123456789"), 1000)
	d := descriptorOf(data)
	g := ingest(t, s, d)
	write(t, g, data[:4000])
	closeIngest(t, g, errors.New("interrupted"))

	g = ingest(t, s, d)
	if g.Offset() != 4000 {
		t.Errorf("resumed at %d, want 4000", g.Offset())
	}
	r := follow(t, g)
	read := make(chan []byte)
	go func() {
		got, _ := io.ReadAll(r)
		read <- got
	}()
	select {
	case got := <-read:
		t.Fatalf("the reader ended early with %d bytes", len(got))
	case <-time.After(20 * time.Millisecond):
	}
	write(t, g, data[4000:])
	if err := g.Commit(); err != nil {
		t.Fatal(err)
	}
	closeIngest(t, g, nil)
	if got := <-read; !bytes.Equal(got, data) {
		t.Errorf("read %d bytes, want all %d", len(got), len(data))
	}
}

func TestResumeOfTooMuch(t *testing.T) {
	s := open(t)
	d := descriptorOf([]byte("short"))
	path := filepath.Join(s.Dir(), "ingest", "sha256-"+d.Digest.Encoded())
	if err := os.WriteFile(path, []byte("longer than announced"), 0o600); err != nil {
		t.Fatal(err)
	}
	g := ingest(t, s, d)
	defer closeIngest(t, g, nil)
	if g.Offset() != 0 {
		t.Errorf("resumed at %d, want a fresh start", g.Offset())
	}
}

// Two who want the same blob: the second waits and then finds it there.
func TestSecondIngestWaits(t *testing.T) {
	s := open(t)
	data := []byte("0123456789")
	d := descriptorOf(data)
	g := ingest(t, s, d)
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := s.Ingest(short, d); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("beside the first: %v, want to wait", err)
	}
	got := make(chan error, 1)
	go func() {
		_, err := s.Ingest(t.Context(), d)
		got <- err
	}()
	write(t, g, data)
	if err := g.Commit(); err != nil {
		t.Fatal(err)
	}
	closeIngest(t, g, nil)
	if err := <-got; !errors.Is(err, store.ErrExists) {
		t.Errorf("the second: %v, want ErrExists", err)
	}
}

func TestManyIngestsOfOneBlob(t *testing.T) {
	s := open(t)
	data := bytes.Repeat([]byte("0123456789"), 100)
	d := descriptorOf(data)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			g, err := s.Ingest(t.Context(), d)
			if errors.Is(err, store.ErrExists) {
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			if i%2 == 0 { // half of them give up half way
				_, err := g.Write(data[g.Offset() : (g.Offset()+d.Size)/2])
				if err = errors.Join(err, g.Close(errors.New("gave up"))); err != nil {
					t.Error(err)
				}
				return
			}
			_, err = g.Write(data[g.Offset():])
			if err = errors.Join(err, g.Commit(), g.Close(nil)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if !s.Has(d) {
		t.Error("nobody brought the blob")
	}
	if left := list(t, filepath.Join(s.Dir(), "ingest")); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
}

// kill -9 in the middle of a blob: the lock is free and the bytes are there.
func TestResumeAfterKill(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 1000)
	d := descriptorOf(data)
	if dir := os.Getenv("STORE_TEST_INGEST"); dir != "" {
		s, err := store.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		g := ingest(t, s, d)
		write(t, g, data[:5000])
		_, _ = os.Stdout.WriteString("half\n")
		time.Sleep(time.Hour)
		runtime.KeepAlive(g) // or the collector closes its file, and the lock is gone
	}
	s := open(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestResumeAfterKill$")
	cmd.Env = append(os.Environ(), "STORE_TEST_INGEST="+s.Dir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := s.Ingest(short, d); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("beside the other process: %v, want to wait", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	g := ingest(t, s, d)
	if g.Offset() != 5000 {
		t.Errorf("resumed at %d, want 5000", g.Offset())
	}
	write(t, g, data[g.Offset():])
	if err := g.Commit(); err != nil {
		t.Fatal(err)
	}
	closeIngest(t, g, nil)
}
