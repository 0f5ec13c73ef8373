package pull

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/learnbox/learnbox/pull/store"
)

// layers brings all layers of one image, some at once, and lets them be
// unpacked meanwhile.
type layers struct {
	p      *puller
	from   []*source // who has the layers, best first
	found  *resolved
	jobs   []*job // each blob once, in the order of the manifest
	cancel context.CancelCauseFunc
}

// A job is one blob. A manifest may name the same blob several times.
type job struct {
	desc v1.Descriptor

	begun  chan struct{} // closed when the next two are set
	ingest *store.Ingest // nil if the blob was in the store already
	err    error         // why it could not begin

	fetched bool // from the registry, not found here
}

func newLayers(p *puller, all *sources, found *resolved) *layers {
	// Whoever knew the manifest is asked first. Blobs are named by their
	// content, so the rest may come from those after it.
	at := slices.Index(all.all, found.source)
	l := &layers{p: p, from: all.all[at:], found: found}
	seen := map[digest.Digest]bool{}
	for _, d := range found.m.Layers {
		if !seen[d.Digest] {
			seen[d.Digest] = true
			l.jobs = append(l.jobs, &job{desc: d, begun: make(chan struct{})})
		}
	}
	return l
}

// run returns when all layers are in the store and unpacked, or with the first
// error, after everything that it started has ended.
func (l *layers) run(ctx context.Context) error {
	ctx, l.cancel = context.WithCancelCause(ctx)
	defer l.cancel(nil)
	for _, j := range l.jobs {
		l.p.progress(Progress{Layer: j.desc.Digest, Phase: Waiting, Total: j.desc.Size})
	}
	again := false
	var wg sync.WaitGroup
	if l.p.o.Unpack != nil {
		wg.Go(func() { again = l.unpack(ctx) })
	}
	queue := make(chan *job)
	for range min(l.p.pace.atOnce, len(l.jobs)) {
		wg.Go(func() {
			for j := range queue {
				l.bring(ctx, j)
			}
		})
	}
	for _, j := range l.jobs {
		queue <- j // after a failure each job ends at once
	}
	close(queue)
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if again {
		return l.p.o.Unpack(ctx, l.readable(ctx))
	}
	return nil
}

// unpack reports whether it must be done again, because it was given bytes of
// a download that then began anew. Any other failure ends the pull.
func (l *layers) unpack(ctx context.Context) (again bool) {
	err := l.p.o.Unpack(ctx, l.readable(ctx))
	if err == nil {
		return false
	}
	for _, j := range l.jobs {
		if isBegun(j) && j.ingest != nil && j.ingest.Tainted() {
			return true
		}
	}
	l.cancel(err)
	return false
}

func isBegun(j *job) bool {
	select {
	case <-j.begun:
		return true
	default:
		return false
	}
}

// readable returns the layers as the unpacker sees them.
func (l *layers) readable(pulling context.Context) []store.Layer {
	all := make([]store.Layer, len(l.found.m.Layers))
	for i, d := range l.found.m.Layers {
		j := l.jobs[slices.IndexFunc(l.jobs, func(j *job) bool { return j.desc.Digest == d.Digest })]
		all[i] = store.Layer{
			Digest: d.Digest, DiffID: l.found.config.RootFS.DiffIDs[i], Size: d.Size, MediaType: d.MediaType,
			Open: func(ctx context.Context) (io.ReadCloser, error) { return l.open(ctx, pulling, j) },
		}
	}
	return all
}

func (l *layers) open(ctx, pulling context.Context, j *job) (io.ReadCloser, error) {
	select {
	case <-j.begun:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-pulling.Done():
		return nil, context.Cause(pulling)
	}
	switch {
	case j.err != nil:
		return nil, j.err
	case j.ingest != nil:
		return j.ingest.Follow(ctx)
	default:
		return l.p.store.OpenBlob(j.desc)
	}
}

// bring gets one blob into the store, or ends the pull.
func (l *layers) bring(ctx context.Context, j *job) {
	tell := func(ph Phase) {
		l.p.progress(Progress{Layer: j.desc.Digest, Phase: ph, Current: j.desc.Size, Total: j.desc.Size})
	}
	j.ingest, j.err = l.p.store.Ingest(ctx, j.desc)
	if errors.Is(j.err, store.ErrExists) {
		j.err = nil
		close(j.begun)
		tell(Exists)
		return
	}
	close(j.begun)
	if j.err != nil {
		l.cancel(fmt.Errorf("layer %s: %w", j.desc.Digest, j.err))
		return
	}
	d := &download{p: l.p, desc: j.desc, to: j.ingest, from: l.from}
	err := d.run(ctx)
	if err == nil {
		j.fetched = true
	}
	if err = errors.Join(err, j.ingest.Close(err)); err != nil {
		l.cancel(fmt.Errorf("layer %s: %w", j.desc.Digest, err))
		return
	}
	tell(Complete)
}

// done tells that the image is complete.
func (l *layers) done() {
	for _, j := range l.jobs {
		if j.fetched {
			l.p.progress(Progress{Layer: j.desc.Digest, Phase: PullDone, Current: j.desc.Size, Total: j.desc.Size})
		}
	}
}

func (l *layers) downloaded() bool {
	return slices.ContainsFunc(l.jobs, func(j *job) bool { return j.fetched })
}
