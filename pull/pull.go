// Package pull brings images from registries into the store, every byte verified.
//
// A registry is an HTTP server with two kinds of documents under a repository's
// name (distribution-spec): manifests, asked for by tag or digest, and blobs,
// asked for by digest only. A tag may lead to an index, a list of one manifest
// for each platform. A manifest names a config and the layers by digest and
// size. So one digest, the first, vouches for everything below it:
//
//	tag ─> index ─> manifest ─> config ─> diff_ids (digests of the unpacked layers)
//	                        └─> layers
//
// Pull goes down that chain and checks each link. Layers arrive four at once,
// in the order in which they are unpacked, and can be read while they arrive.
// Nothing gets a name in the store before all of it is there.
//
// The network is not trusted to hold: what a registry refuses for the moment is
// asked again with growing pauses, and a blob that broke off goes on where it
// stopped, even in another process. Nor is the registry: documents have a
// largest size, an index inside an index is refused, URLs in a manifest are
// never followed, redirects do not lead from the internet into a private network.
//
// Credentials are Docker's (~/.docker/config.json and its helpers). Left out:
// Docker's schema 1, signatures, and pushing.
package pull

import (
	"context"
	"errors"
	"time"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/pull/name"
	"github.com/learnbox/learnbox/pull/store"
)

// Options say where to pull from and what to do on the way.
type Options struct {
	Platform   *v1.Platform // nil: the platform of this machine
	Registries Registries
	Progress   func(Progress)      // may be nil; called from several goroutines
	Stored     func(v1.Descriptor) // may be nil; an index, manifest or config is in the store
	Narrate    *narrate.Narrator

	// Unpack, if set, is called once manifest and config are verified, while
	// the layers still arrive: their Open readers follow the download. The
	// image gets its name in the store only after Unpack returned nil. It is
	// called for an image that is up to date, too, and in one case twice:
	// when it has read bytes of a layer that proved wrong at its end, and a
	// second download brought the right ones.
	Unpack func(ctx context.Context, layers []store.Layer) error

	pace *pace // nil: defaultPace; tests are in a hurry
}

// Registries are the deviations from "https://NAME".
type Registries struct {
	Mirrors  []string // tried in order instead of docker.io: "http://127.0.0.1:5000"
	Insecure []string // host[:port] or CIDR that may be plain HTTP or have a bad certificate; loopback always may
}

// Phase says what happens to a layer.
type Phase string

// The phases of a layer, Docker's words.
const (
	Waiting     Phase = "Waiting"
	Downloading Phase = "Downloading"
	Verifying   Phase = "Verifying Checksum"
	Complete    Phase = "Download complete"
	Exists      Phase = "Already exists"
	PullDone    Phase = "Pull complete"
)

// Progress tells how far one layer is. Current and Total are compressed bytes.
type Progress struct {
	Layer          digest.Digest
	Phase          Phase
	Current, Total int64
}

// A Result is a finished pull.
type Result struct {
	Image    store.Image
	Digest   digest.Digest // of the manifest or index that the registry answered with
	UpToDate bool          // nothing had to change
}

// leftovers is how long an interrupted pull can be resumed. After a pull, what
// is older and belongs to no image is removed.
const leftovers = 7 * 24 * time.Hour

// Pull brings ref into s. Errors name the reference and whom was asked for it;
// those with a way out have a method Hint. Errors: ErrNotFound, *PlatformError.
func Pull(ctx context.Context, s *store.Store, ref name.Ref, o Options) (Result, error) {
	p := &puller{store: s, ref: ref, o: o, pace: defaultPace()}
	if o.pace != nil {
		p.pace = *o.pace
	}
	r, err := p.pull(ctx)
	if err != nil {
		return Result{}, wrap(ref, err)
	}
	// Litter is no reason to call a pull that worked a failure; the next one
	// tries again.
	_ = s.Clean(ctx, leftovers)
	return r, nil
}

// A puller is one Pull.
type puller struct {
	store *store.Store
	ref   name.Ref
	o     Options
	pace  pace
}

func (p *puller) pull(ctx context.Context) (res Result, err error) {
	hold, err := p.store.Hold(ctx)
	if err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, hold.Release()) }()

	sources, err := p.sources(ctx)
	if err != nil {
		return Result{}, err
	}
	defer sources.close()

	var found *resolved
	err = p.o.Narrate.Run(ResolveStep(), func() error {
		found, err = p.resolve(ctx, sources)
		return err
	})
	if err != nil {
		return Result{}, err
	}
	if found.have != nil {
		p.o.Narrate.Skip(FetchStep())
		return p.upToDate(ctx, found)
	}
	err = p.o.Narrate.Run(FetchStep(), func() error {
		res, err = p.fetch(ctx, sources, found)
		return err
	})
	return res, err
}

// upToDate ends a pull that finds everything in the store.
func (p *puller) upToDate(ctx context.Context, found *resolved) (Result, error) {
	for _, l := range found.have.Layers {
		p.progress(Progress{Layer: l.Digest, Phase: Exists, Current: l.Size, Total: l.Size})
	}
	if p.o.Unpack != nil {
		if err := p.o.Unpack(ctx, found.have.Layers); err != nil {
			return Result{}, err
		}
	}
	return Result{Image: *found.have, Digest: found.digest, UpToDate: true}, nil
}

// fetch brings what is missing, lets it be unpacked, and then names the image.
func (p *puller) fetch(ctx context.Context, sources *sources, found *resolved) (Result, error) {
	before, beforeErr := p.store.Find(ctx, p.ref.String())
	for _, d := range found.documents {
		if err := p.store.WriteBlob(d.desc, d.data); err != nil {
			return Result{}, err
		}
		if p.o.Stored != nil {
			p.o.Stored(d.desc)
		}
	}
	l := newLayers(p, sources, found)
	if err := l.run(ctx); err != nil {
		return Result{}, err
	}
	img, err := p.store.Put(ctx, found.manifest, p.ref, found.digest)
	if err != nil {
		return Result{}, err
	}
	l.done()
	same := beforeErr == nil && before.ID == img.ID
	return Result{Image: img, Digest: found.digest, UpToDate: same && !l.downloaded()}, nil
}

func (p *puller) progress(pr Progress) {
	if p.o.Progress != nil {
		p.o.Progress(pr)
	}
}

// ResolveStep is the step from a name to an image.
func ResolveStep() narrate.Step {
	return narrate.Step{
		ID:    "image.resolve",
		Title: "Which image the name means",
		Why:   "a name can mean another image tomorrow; its digest cannot, and it vouches for every byte that follows",
	}
}

// FetchStep is the step that downloads what is missing of an image.
func FetchStep() narrate.Step {
	return narrate.Step{
		ID:    "image.pull",
		Title: "The layers, from the registry into the store",
		Why:   "the root filesystem is made of these archives, and they are unpacked while they arrive",
	}
}
