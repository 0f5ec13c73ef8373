package main

import (
	"strings"
	"testing"
)

// TestKeyWatch types in pieces, as a terminal hands them over.
func TestKeyWatch(t *testing.T) {
	const p, q = "\x10", "\x11"
	for _, tt := range []struct {
		keys   string
		typed  []string
		on     string
		leaves bool
	}{
		{p + q, []string{"ls\r"}, "ls\r", false},
		{p + q, []string{p + q}, "", true},
		{p + q, []string{p, q}, "", true},
		{p + q, []string{"ls" + p, q + "more"}, "ls", true},
		{p + q, []string{"ls" + p}, "ls", false}, // the key is held back
		{p + q, []string{"ls" + p, "x"}, "ls" + p + "x", false},
		{p + q, []string{p + p, q}, p, true},
		{"abc", []string{"ababc"}, "ab", true},
		{"", []string{p + q}, p + q, false},
	} {
		w := keyWatch{keys: []byte(tt.keys)}
		var on strings.Builder
		leaves := false
		for _, typed := range tt.typed {
			var more []byte
			more, leaves = w.pass([]byte(typed))
			on.Write(more)
		}
		if on.String() != tt.on || leaves != tt.leaves {
			t.Errorf("with the keys %q, of %q is typed on %q, leaves: %v; want %q, %v", tt.keys, tt.typed, on.String(), leaves, tt.on, tt.leaves)
		}
	}
}
