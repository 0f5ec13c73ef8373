package pull

import (
	"context"
	"io"
	"net/http"
	"runtime"
	"testing"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/learnbox/learnbox/pull/store"
)

// A layer is never in memory as a whole, not even a good part of it.
func TestMemory(t *testing.T) {
	f := newFake(t)
	const size = 48 << 20
	chunk := random(7, 1<<20)
	sum := digest.SHA256.Digester()
	for range size / len(chunk) {
		sum.Hash().Write(chunk)
	}
	layer := v1.Descriptor{MediaType: v1.MediaTypeImageLayer, Digest: sum.Digest(), Size: size}
	config := f.addJSON(v1.MediaTypeImageConfig, v1.Image{
		Platform: hostPlatform(), RootFS: v1.RootFS{Type: "layers", DiffIDs: []digest.Digest{layer.Digest}},
	})
	f.addImage(hostPlatform(), nil, func(m *v1.Manifest) { m.Config, m.Layers = config, []v1.Descriptor{layer} }, "latest")
	f.spoil = first(always, layer.Digest.String(), func(w http.ResponseWriter, _ *http.Request) {
		for range size / len(chunk) {
			_, _ = w.Write(chunk)
		}
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := pullQuick(t, newStore(t), f.ref(""), Options{Unpack: func(ctx context.Context, ls []store.Layer) error {
		r, err := ls[0].Open(ctx)
		if err != nil {
			return err
		}
		defer r.Close()
		_, err = io.Copy(io.Discard, r)
		return err
	}})
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > size/4 {
		t.Errorf("pulling %d MiB allocated %d MiB", size>>20, got>>20)
	}
}
