package unpack

import (
	"context"
	"io"
	"os"
	"testing"

	digest "github.com/opencontainers/go-digest"

	"github.com/learnbox/learnbox/pull/store"
)

// BenchmarkFlatten unpacks the layer that LEARNBOX_BENCH_LAYER names (a .tar.gz)
// below LEARNBOX_BENCH_DIR, better on tmpfs. LEARNBOX_BENCH_DIFFID is the digest of
// its uncompressed bytes.
func BenchmarkFlatten(b *testing.B) {
	path, dir := os.Getenv("LEARNBOX_BENCH_LAYER"), os.Getenv("LEARNBOX_BENCH_DIR")
	if path == "" || dir == "" {
		b.Skip("LEARNBOX_BENCH_LAYER and LEARNBOX_BENCH_DIR say what to unpack where")
	}
	fi, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	l := store.Layer{
		Digest: digest.FromString(path),
		DiffID: digest.Digest(os.Getenv("LEARNBOX_BENCH_DIFFID")),
		Size:   fi.Size(),
		Open:   func(context.Context) (io.ReadCloser, error) { return os.Open(path) },
	}
	b.SetBytes(fi.Size())
	for b.Loop() {
		tree, err := Flatten(b.Context(), dir, []store.Layer{l}, Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := Remove(tree); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
