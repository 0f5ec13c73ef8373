package unpack

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	digest "github.com/opencontainers/go-digest"

	"github.com/learnbox/learnbox/pull/store"
)

func TestChainPath(t *testing.T) {
	a, b, c := digest.FromString("a"), digest.FromString("b"), digest.FromString("c")
	ab := digest.FromString(a.String() + " " + b.String()) // config.md, "Layer ChainID"
	abc := digest.FromString(ab.String() + " " + c.String())
	sha512 := digest.SHA512.FromString("a")
	tests := map[string]struct {
		ids     []digest.Digest
		want    string
		wantErr string
	}{
		"one layer is its own chain": {ids: []digest.Digest{a}, want: a.Encoded()},
		"two layers":                 {ids: []digest.Digest{a, b}, want: ab.Encoded()},
		"three layers":               {ids: []digest.Digest{a, b, c}, want: abc.Encoded()},
		"another algorithm":          {ids: []digest.Digest{sha512}, want: sha512.Encoded()},
		"none":                       {wantErr: "no layers"},
		"no digest":                  {ids: []digest.Digest{a, ""}, wantErr: "invalid"},
		"a path":                     {ids: []digest.Digest{"sha256:../../../etc"}, wantErr: "invalid"},
		"a short digest":             {ids: []digest.Digest{"sha256:abc"}, wantErr: "invalid"},
		"an unknown algorithm":       {ids: []digest.Digest{digest.Digest("md5:" + strings.Repeat("a", 32))}, wantErr: "unsupported"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var ls []store.Layer
			for _, id := range tt.ids {
				ls = append(ls, store.Layer{DiffID: id})
			}
			got, err := chainPath("/root/fs", ls)
			want := ""
			if tt.wantErr == "" {
				want = "/root/fs/" + tt.want
				if !isChain(filepath.Base(got)) {
					t.Errorf("isChain(%q) is false", filepath.Base(got))
				}
			}
			if got != want || (err == nil) != (tt.wantErr == "") || err != nil && !strings.Contains(err.Error(), tt.wantErr) {
				t.Errorf("got %q, %v, want %q, %q", got, err, want, tt.wantErr)
			}
			if path, ok := Path("/root/fs", ls); path != want || ok {
				t.Errorf("Path = %q, %v, want %q, false", path, ok, want)
			}
			if tt.wantErr == "" {
				return
			}
			if _, err := Flatten(t.Context(), filepath.Join(t.TempDir(), "x"), ls, Options{}); err == nil || !strings.Contains(err.Error(), tt.wantErr) {
				t.Errorf("Flatten = %v, want %q", err, tt.wantErr)
			}
		})
	}
}

func TestPathIsAbsolute(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	l := []store.Layer{{DiffID: digest.FromString("a")}}
	want := filepath.Join("rootfs", l[0].DiffID.Encoded())
	if got, ok := Path("rootfs", l); ok || !filepath.IsAbs(got) || !strings.HasSuffix(got, want) {
		t.Errorf("Path = %q, %v", got, ok)
	}
	if err := os.MkdirAll(want, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, ok := Path("rootfs", l); !ok {
		t.Error("Path does not see the directory")
	}
}

func TestBudget(t *testing.T) {
	tests := map[string]struct {
		o              Options
		bytes, entries int64 // just allowed
		wantBytes      string
		wantEntries    string
	}{
		"defaults":                      {bytes: 32 << 30, entries: 2 << 20, wantBytes: "more than 32GiB", wantEntries: "more than 2097152 entries"},
		"a smaller image, same entries": {o: Options{MaxBytes: 1 << 20}, bytes: 1 << 20, entries: 2 << 20, wantBytes: "more than 1MiB", wantEntries: "more than 2097152"},
		"one flag raises both":          {o: Options{MaxBytes: 100 << 30}, bytes: 100 << 30, entries: 6_553_600, wantBytes: "more than 100GiB", wantEntries: "more than 6553600"},
		"both are given":                {o: Options{MaxBytes: 10, MaxEntries: 3}, bytes: 10, entries: 3, wantBytes: "more than 10B", wantEntries: "more than 3 entries"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBudget(tt.o)
			b.entries = tt.entries - 1
			if err := errors.Join(b.addBytes(tt.bytes-1), b.addBytes(1), b.addEntry()); err != nil {
				t.Error(err)
			}
			wantLimit(t, b.addBytes(1), tt.wantBytes)
			wantLimit(t, b.addBytes(1<<63-1), tt.wantBytes)
			wantLimit(t, b.addEntry(), tt.wantEntries)
		})
	}
}

func wantLimit(t *testing.T, err error, want string) {
	t.Helper()
	limit, ok := errors.AsType[*LimitError](err)
	if !ok || !strings.Contains(err.Error(), want) || !strings.Contains(limit.Hint(), "--max-unpacked") {
		t.Errorf("got %v, want %q and a hint at --max-unpacked", err, want)
	}
}
