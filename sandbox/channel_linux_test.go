package sandbox

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

func pair(t *testing.T) (a, b channel) {
	t.Helper()
	a, b, err := newChannel()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.close(); b.close() })
	return a, b
}

func TestChannelCarriesMessagesOfAnySize(t *testing.T) {
	a, b := pair(t)
	for _, text := range []string{"", "short", strings.Repeat("long ", 1<<18)} {
		go func() { _ = b.send(&message{Warning: text}, nil) }()
		var m message
		if _, err := a.receive(&m); err != nil || m.Warning != text {
			t.Fatalf("received %d bytes, %v; want %d", len(m.Warning), err, len(text))
		}
	}
}

func TestChannelCarriesADescriptor(t *testing.T) {
	a, b := pair(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := b.send(&message{Terminal: true}, w); err != nil {
		t.Fatal(err)
	}
	w.Close()
	var m message
	got, err := a.receive(&m)
	if err != nil || got == nil || !m.Terminal {
		t.Fatalf("receive = %v, %+v, %v", got, m, err)
	}
	if _, err := got.WriteString("through"); err != nil {
		t.Fatal(err)
	}
	got.Close()
	if data, err := io.ReadAll(r); string(data) != "through" {
		t.Errorf("read %q, %v", data, err)
	}
}

func TestChannelEnds(t *testing.T) {
	t.Run("closed", func(t *testing.T) {
		a, b := pair(t)
		b.close()
		if _, err := a.receive(new(message)); !errors.Is(err, io.EOF) {
			t.Errorf("receive = %v, want io.EOF", err)
		}
	})
	t.Run("in the middle of a message", func(t *testing.T) {
		a, b := pair(t)
		if _, err := b.f.Write(append(binary.NativeEndian.AppendUint32(nil, 100), "half"...)); err != nil {
			t.Fatal(err)
		}
		b.close()
		if _, err := a.receive(new(message)); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("receive = %v, want io.ErrUnexpectedEOF", err)
		}
	})
	t.Run("too long", func(t *testing.T) {
		a, b := pair(t)
		if _, err := b.f.Write(binary.NativeEndian.AppendUint32(nil, maxMessage+1)); err != nil {
			t.Fatal(err)
		}
		if _, err := a.receive(new(message)); err == nil || !strings.Contains(err.Error(), "too long") {
			t.Errorf("receive = %v, want a refusal", err)
		}
	})
}
