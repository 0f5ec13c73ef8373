package pull

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/learnbox/learnbox/pull/store"
)

// resolved is what a reference turned out to mean.
type resolved struct {
	digest    digest.Digest // what the registry answered with
	manifest  v1.Descriptor
	m         v1.Manifest
	config    v1.Image
	documents []document // index, manifest, config: what of them belongs into the store
	source    *source    // who knew
	have      *store.Image
}

// resolve asks the sources in order until one knows the reference.
func (p *puller) resolve(ctx context.Context, from *sources) (*resolved, error) {
	var asked askedError
	for _, s := range from.all {
		found, err := p.resolveAt(ctx, s)
		if err == nil {
			found.source = s
			return found, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		asked.urls = append(asked.urls, s.String())
		asked.errs = append(asked.errs, explain(err, s.endpoint.host))
		if _, ok := errors.AsType[*PlatformError](err); ok {
			break // it has the image; the others would have the same
		}
	}
	return nil, &asked
}

func (p *puller) resolveAt(ctx context.Context, s *source) (*resolved, error) {
	if have, d, err := p.current(ctx, s); have != nil || err != nil {
		return &resolved{digest: d, have: have}, err
	}
	top, err := p.top(ctx, s)
	if err != nil {
		return nil, err
	}
	r := &resolved{digest: top.desc.Digest, documents: []document{top}}
	chosen := top
	if isIndex(top.desc.MediaType) {
		if chosen, err = p.choose(ctx, s, top.data); err != nil {
			return nil, err
		}
		r.documents = append(r.documents, chosen)
	}
	r.manifest = chosen.desc
	if r.m, err = store.ParseManifest(chosen.data); err != nil {
		return nil, err
	}
	if err := checkImage(r.m); err != nil {
		return nil, err
	}
	config, err := p.store.ReadBlob(r.m.Config) // another tag may have brought it
	if err != nil {
		config, err = s.blob(ctx, r.m.Config)
	}
	if err != nil {
		return nil, fmt.Errorf("image config: %w", explain(err, s.endpoint.host))
	}
	r.documents = append(r.documents, document{r.m.Config, config})
	if r.config, err = store.ParseConfig(config, r.m); err != nil {
		return nil, err
	}
	// An index has said what the manifest is for. Without one, or when it did
	// not say, the config must.
	if chosen.desc.Platform == nil {
		if rank(p.choices(), r.config.Platform) < 0 {
			return nil, &PlatformError{Want: p.want(), Have: []v1.Platform{r.config.Platform}}
		}
	}
	return r, nil
}

// current returns the image in the store if it is what the registry has now: the
// same digest, for the platform wanted, complete. Asking for the digest alone
// is cheap and does not count against Docker Hub's limit.
func (p *puller) current(ctx context.Context, s *source) (*store.Image, digest.Digest, error) {
	img, err := p.store.Find(ctx, p.ref.String())
	if err != nil || !p.store.Complete(img) || rank(p.choices()[:1], img.Config.Platform) != 0 {
		return nil, "", nil //nolint:nilerr // whatever the store lacks, the registry has
	}
	d := p.ref.Digest
	if d == "" {
		header := http.Header{"Accept": {acceptManifests}}
		resp, err := s.do(ctx, http.MethodHead, "manifests/"+p.ref.Tag, header, http.StatusOK)
		if _, ok := errors.AsType[*transport.Error](err); ok {
			return nil, "", nil // not every registry does HEAD; GET will tell
		}
		if err != nil {
			return nil, "", err
		}
		_ = resp.Body.Close()
		d = digest.Digest(resp.Header.Get("Docker-Content-Digest"))
	}
	for _, known := range img.RepoDigests {
		if known == p.ref.Repository()+"@"+d.String() {
			return &img, d, nil
		}
	}
	return nil, "", nil
}

// top fetches what the reference names itself.
func (p *puller) top(ctx context.Context, s *source) (document, error) {
	want := p.ref.Digest
	if want != "" {
		return s.manifest(ctx, v1.Descriptor{Digest: want, Size: -1})
	}
	data, contentType, err := s.document(ctx, "manifests/"+p.ref.Tag, acceptManifests)
	if err != nil {
		return document{}, err
	}
	return newDocument(data, contentType, digest.SHA256)
}

// manifest fetches a manifest or index by digest. A size below zero is not known.
func (s *source) manifest(ctx context.Context, d v1.Descriptor) (document, error) {
	data, contentType, err := s.document(ctx, "manifests/"+d.Digest.String(), acceptManifests)
	if err != nil {
		return document{}, err
	}
	if d.Size >= 0 && int64(len(data)) != d.Size {
		return document{}, fmt.Errorf("manifest %s: %w", d.Digest, &store.SizeError{Want: d.Size, Got: int64(len(data))})
	}
	doc, err := newDocument(data, contentType, d.Digest.Algorithm())
	if err != nil {
		return document{}, err
	}
	if got := doc.desc.Digest; got != d.Digest {
		return document{}, fmt.Errorf("manifest: %w", &store.DigestError{Want: d.Digest, Got: got})
	}
	doc.desc.Platform = d.Platform
	return doc, nil
}

// blob fetches a small blob into memory.
func (s *source) blob(ctx context.Context, d v1.Descriptor) ([]byte, error) {
	data, _, err := s.document(ctx, "blobs/"+d.Digest.String(), "")
	if err != nil {
		return nil, err
	}
	if int64(len(data)) != d.Size {
		return nil, &store.SizeError{Want: d.Size, Got: int64(len(data))}
	}
	if got := d.Digest.Algorithm().FromBytes(data); got != d.Digest {
		return nil, &store.DigestError{Want: d.Digest, Got: got}
	}
	return data, nil
}

// choose takes the manifest for the wanted platform from an index.
func (p *puller) choose(ctx context.Context, s *source, data []byte) (document, error) {
	var idx v1.Index
	if err := json.Unmarshal(data, &idx); err != nil {
		return document{}, fmt.Errorf("parse index: %w", err)
	}
	best, bestRank := v1.Descriptor{}, -1
	var have []v1.Platform
	for _, d := range idx.Manifests {
		var of v1.Platform
		if d.Platform != nil {
			of = *d.Platform
		}
		// Build systems add notes about an image (attestations) as manifests
		// for the platform unknown/unknown.
		if of.OS == "unknown" || isIndex(d.MediaType) {
			continue
		}
		if of.OS != "" {
			have = append(have, of)
		}
		if r := rank(p.choices(), of); r >= 0 && (bestRank < 0 || r < bestRank) {
			best, bestRank = d, r
		}
	}
	if bestRank < 0 {
		return document{}, &PlatformError{Want: p.want(), Have: have}
	}
	if err := store.CheckDescriptor(best); err != nil {
		return document{}, fmt.Errorf("the index's entry for %s: %w", platformString(p.want()), err)
	}
	doc, err := s.manifest(ctx, best)
	if err != nil {
		return document{}, fmt.Errorf("manifest for %s: %w", platformString(p.want()), explain(err, s.endpoint.host))
	}
	if isIndex(doc.desc.MediaType) {
		return document{}, errors.New("an index inside an index")
	}
	return doc, nil
}

func (p *puller) want() v1.Platform {
	if p.o.Platform != nil {
		return *p.o.Platform
	}
	return hostPlatform()
}

func (p *puller) choices() []v1.Platform { return choices(p.want(), p.o.Platform == nil) }
