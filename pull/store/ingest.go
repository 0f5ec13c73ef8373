package store

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"sync"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/learnbox/learnbox/internal/atomicfile"
)

// ErrExists reports that there is nothing to ingest: the blob is in the store.
var ErrExists = errors.New("the blob is in the store already")

// ErrRestarted is what a reader gets that has read bytes which turned out to be
// wrong, when the download begins again. Whoever reads may begin again too.
var ErrRestarted = errors.New("the download of the blob began again")

// An Ingest is a blob on its way into the store. One goroutine writes it; any
// number read along by Follow.
//
// The bytes stand in a file of their own, named after the digest. After a
// crash the next Ingest of the same blob finds them and goes on.
type Ingest struct {
	s    *Store
	want v1.Descriptor
	path string
	f    *os.File
	hash hash.Hash

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced whenever a field below changes
	n        int64         // bytes in the file
	held     bool          // bytes of an earlier process are among them, so nobody may see any before all are verified
	gen      int           // counts Resets
	tainted  bool          // a reader saw bytes that a Reset took back
	verified bool
	err      error // why there will be no more
}

// Ingest begins or resumes the arrival of a blob. It waits while another
// process is at the same blob, and returns ErrExists when there is nothing to
// do (any more). Call it under Hold, and Close what it returns.
func (s *Store) Ingest(ctx context.Context, want v1.Descriptor) (*Ingest, error) {
	if err := CheckDescriptor(want); err != nil {
		return nil, err
	}
	path := s.partialPath(want.Digest)
	for {
		if s.Has(want) {
			return nil, ErrExists
		}
		f, err := s.lockPartial(ctx, path)
		if err != nil {
			return nil, err
		}
		if !atomicfile.Linked(f, path) { // the holder before us has published or removed it
			if err := f.Close(); err != nil {
				return nil, err
			}
			continue
		}
		if s.Has(want) { // published between our look and our lock
			return nil, errors.Join(ErrExists, os.Remove(path), f.Close())
		}
		g := &Ingest{s: s, want: want, path: path, f: f, changed: make(chan struct{})}
		if err := g.rehash(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("resume blob %s: %w", want.Digest, err), f.Close())
		}
		return g, nil
	}
}

func (s *Store) partialPath(d digest.Digest) string {
	return s.path(ingestDir, d.Algorithm().String()+"-"+d.Encoded())
}

func (s *Store) lockPartial(ctx context.Context, path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), dirMode); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, fileMode)
	if err != nil {
		return nil, err
	}
	if err := atomicfile.LockFile(ctx, f, true); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// rehash takes in what an earlier process left.
func (g *Ingest) rehash(ctx context.Context) error {
	g.hash = g.want.Digest.Algorithm().Hash()
	n, err := io.Copy(g.hash, io.LimitReader(&ctxReader{ctx, g.f}, g.want.Size+1))
	if err != nil {
		return err
	}
	if n > g.want.Size {
		return g.Reset()
	}
	g.n, g.held = n, n > 0
	return nil
}

// Offset returns how many bytes are there: the next Write continues after them.
func (g *Ingest) Offset() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.n
}

// Tainted reports whether a reader was given bytes that a Reset took back.
func (g *Ingest) Tainted() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.tainted
}

// Write appends p. More than the announced size is refused with a *SizeError.
func (g *Ingest) Write(p []byte) (int, error) {
	at := g.Offset()
	if int64(len(p)) > g.want.Size-at {
		return 0, &SizeError{Want: g.want.Size, Got: at + int64(len(p))}
	}
	n, err := g.f.WriteAt(p, at)
	g.hash.Write(p[:n])
	g.change(func() { g.n += int64(n) })
	return n, err
}

// Reset drops all bytes, to begin from the first one.
func (g *Ingest) Reset() error {
	g.hash = g.want.Digest.Algorithm().Hash()
	g.change(func() { g.n, g.held, g.gen = 0, false, g.gen+1 })
	return g.f.Truncate(0)
}

// Commit verifies size and digest and moves the blob to its place in the
// store. Readers get their io.EOF once it is verified. On a *DigestError or a
// *SizeError the caller may Reset and write again.
func (g *Ingest) Commit() error {
	if n := g.Offset(); n != g.want.Size {
		return &SizeError{Want: g.want.Size, Got: n}
	}
	if got := digest.NewDigest(g.want.Digest.Algorithm(), g.hash); got != g.want.Digest {
		return &DigestError{Want: g.want.Digest, Got: got}
	}
	g.change(func() { g.verified = true })
	to := g.s.blobPath(g.want.Digest)
	if err := os.MkdirAll(filepath.Dir(to), dirMode); err != nil {
		return err
	}
	return atomicfile.Publish(g.f, g.path, to)
}

// Close ends the arrival. Without a Commit before, readers get why, and the
// bytes stay for the next Ingest of the blob.
func (g *Ingest) Close(why error) error {
	if why == nil {
		why = io.ErrUnexpectedEOF
	}
	g.change(func() {
		if !g.verified {
			g.err = why
		}
	})
	if g.Offset() == 0 && !g.verified {
		return errors.Join(os.Remove(g.path), g.f.Close())
	}
	return g.f.Close()
}

// change makes f's changes and wakes every reader.
func (g *Ingest) change(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f()
	close(g.changed)
	g.changed = make(chan struct{})
}

// ctxReader stops between two reads when ctx is done.
type ctxReader struct {
	ctx context.Context //nolint:containedctx // lives no longer than one copy
	r   io.Reader
}

func (c *ctxReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
