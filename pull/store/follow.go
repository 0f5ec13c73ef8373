package store

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
)

// Follow reads the blob from its first byte while it arrives. A read blocks
// until there is more, and returns io.EOF only after Commit verified the
// whole. Closing the reader is up to the caller; the reader outlives the
// Ingest.
//
// The bytes that a reader gets early are not verified yet. That is the bargain:
// it may work on them at once, and must not publish its work before io.EOF.
func (g *Ingest) Follow(ctx context.Context) (io.ReadCloser, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		return nil, g.err
	}
	// Under the mutex, the file has its first name or, after Commit, its last.
	f, err := os.Open(g.path)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = os.Open(g.s.blobPath(g.want.Digest))
	}
	if err != nil {
		return nil, err
	}
	return &follower{ctx: ctx, g: g, f: f, gen: g.gen}, nil
}

type follower struct {
	ctx context.Context //nolint:containedctx // io.Reader has no place for it
	g   *Ingest
	f   *os.File
	off int64
	gen int
}

// Close closes the file. It does not end the arrival.
func (r *follower) Close() error { return r.f.Close() }

// Read returns what is there, or waits.
func (r *follower) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		have, err := r.wait()
		if err != nil {
			return 0, err
		}
		n, err := r.f.ReadAt(p[:min(int64(len(p)), have)], r.off)
		if r.stale() {
			continue // these bytes were taken back while we read them; wait tells what that means
		}
		r.off += int64(n)
		if n > 0 {
			return n, nil
		}
		if errors.Is(err, io.EOF) { // the file is shorter than what was written into it
			err = io.ErrUnexpectedEOF
		}
		return 0, err
	}
}

// wait returns how many bytes can be read now, at least one, or why there are none.
func (r *follower) wait() (int64, error) {
	for {
		have, changed, err := r.look()
		if have > 0 || err != nil {
			return have, err
		}
		select {
		case <-changed:
		case <-r.ctx.Done():
			return 0, context.Cause(r.ctx)
		}
	}
}

func (r *follower) look() (have int64, changed <-chan struct{}, err error) {
	g := r.g
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.gen != g.gen {
		if r.off > 0 {
			g.tainted = true
			return 0, nil, ErrRestarted
		}
		r.gen = g.gen
	}
	visible := g.n
	if g.held && !g.verified {
		visible = 0
	}
	switch {
	case visible > r.off:
		return visible - r.off, nil, nil
	case g.verified:
		return 0, nil, io.EOF
	case g.err != nil:
		return 0, nil, g.err
	default:
		return 0, g.changed, nil
	}
}

func (r *follower) stale() bool {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	return r.gen != r.g.gen
}
