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

	"github.com/learnbox/learnbox/pull/store"
)

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
	read, some := make(chan []byte, 1), make(chan int, 1)
	go func() {
		buf := make([]byte, 10)
		n, _ := io.ReadFull(r, buf)
		some <- n
		got, _ := io.ReadAll(r)
		read <- append(buf[:n], got...)
	}()
	select {
	case n := <-some:
		t.Fatalf("the reader was given %d bytes that are not verified", n)
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

// The first gives up without a byte and removes its file, on which the second
// has waited: the second begins with a new one.
func TestSecondIngestAfterTheFirstGaveUp(t *testing.T) {
	s := open(t)
	data := []byte("0123456789")
	g := ingest(t, s, descriptorOf(data))
	got := make(chan error, 1)
	go func() {
		g, err := s.Ingest(t.Context(), descriptorOf(data))
		if err == nil {
			_, err = g.Write(data)
			err = errors.Join(err, g.Commit(), g.Close(nil))
		}
		got <- err
	}()
	time.Sleep(20 * time.Millisecond) // so that it has opened the file; if not, there is nothing to see
	closeIngest(t, g, errors.New("gave up"))
	if err := <-got; err != nil {
		t.Errorf("the second: %v", err)
	}
	if !s.Has(descriptorOf(data)) {
		t.Error("the blob is not there")
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
