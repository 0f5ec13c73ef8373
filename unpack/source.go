package unpack

import (
	"context"
	"errors"
	"fmt"
	"io"

	digest "github.com/opencontainers/go-digest"

	"github.com/learnbox/learnbox/pull/store"
)

// Buffers of the pipeline: 4.5 MiB in flight for a large layer.
const (
	packedSize, packedCount = 128 << 10, 4
	plainSize, plainCount   = 512 << 10, 8
)

// A source is the uncompressed tar of one layer, hashed while it is read.
type source struct {
	layer  store.Layer
	raw    io.ReadCloser // compressed; verified against layer.Digest by the store
	packed *readAhead    // raw, read ahead
	codec  io.ReadCloser // packed, decompressed
	plain  *readAhead    // codec, read ahead and hashed
	hash   digest.Digester
	cancel context.CancelFunc
}

// openSource starts the pipeline of a layer.
func openSource(ctx context.Context, l store.Layer) (*source, error) {
	ctx, cancel := context.WithCancel(ctx)
	raw, err := l.Open(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	s := &source{layer: l, raw: raw, cancel: cancel, hash: l.DiffID.Algorithm().Digester()}
	s.packed = newReadAhead(raw, packedSize, packedCount, ctx.Done(), nil)
	if s.codec, err = decompress(s.packed, l.MediaType); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	hash := s.hash.Hash()
	s.plain = newReadAhead(s.codec, plainSize, plainCount, ctx.Done(), func(b []byte) { _, _ = hash.Write(b) })
	return s, nil
}

func (s *source) Read(p []byte) (int, error) { return s.plain.Read(p) }

// verify compares what was read with the diffID. The caller has read to the end,
// which the store only lets it see when the compressed bytes were right too.
func (s *source) verify() error {
	if got := s.hash.Digest(); got != s.layer.DiffID {
		return fmt.Errorf("the uncompressed layer is %s, but the image's configuration says %s (its diffID)", got, s.layer.DiffID)
	}
	return nil
}

// Close stops the pipeline, wherever it is, and waits for it.
func (s *source) Close() error {
	s.cancel()
	if s.plain != nil {
		s.plain.wait()
	}
	if s.codec != nil {
		_ = s.codec.Close() // frees memory; its error is the one that Read had already
	}
	s.packed.wait()
	return s.raw.Close()
}
