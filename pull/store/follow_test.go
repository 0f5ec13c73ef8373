package store_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/learnbox/learnbox/pull/store"
)

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
