package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/learnbox/learnbox/pull/name"
)

// Import copies an image from another OCI layout into the store, every byte
// verified, and names it. layout has one image, or one whose
// org.opencontainers.image.ref.name is the full name. If the image has the
// name already, nothing is copied.
func (s *Store) Import(ctx context.Context, layout fs.FS, ref name.Ref) (Image, error) {
	img, err := s.importLayout(ctx, layout, ref)
	if err != nil {
		return Image{}, fmt.Errorf("import %s: %w", ref, err)
	}
	return img, nil
}

func (s *Store) importLayout(ctx context.Context, layout fs.FS, ref name.Ref) (img Image, err error) {
	desc, err := pick(layout, ref.String())
	if err != nil {
		return Image{}, err
	}
	hold, err := s.Hold(ctx)
	if err != nil {
		return Image{}, err
	}
	defer func() { err = errors.Join(err, hold.Release()) }()
	if have, err := s.Find(ctx, ref.String()); err == nil && have.Manifest.Digest == desc.Digest && s.Complete(have) {
		return have, nil
	}
	if err := s.copyBlob(ctx, layout, desc); err != nil {
		return Image{}, err
	}
	m, err := s.readManifest(desc)
	if err != nil {
		return Image{}, err
	}
	for _, d := range append([]v1.Descriptor{m.Config}, m.Layers...) {
		if err := s.copyBlob(ctx, layout, d); err != nil {
			return Image{}, err
		}
	}
	return s.Put(ctx, desc, ref, "")
}

// Complete reports whether all blobs of the image are there in full.
func (s *Store) Complete(i Image) bool {
	for _, l := range i.Layers {
		if !s.Has(v1.Descriptor{Digest: l.Digest, Size: l.Size}) {
			return false
		}
	}
	return true
}

func pick(layout fs.FS, name string) (v1.Descriptor, error) {
	data, err := fs.ReadFile(layout, v1.ImageIndexFile)
	if err != nil {
		return v1.Descriptor{}, err
	}
	var idx v1.Index
	if err := json.Unmarshal(data, &idx); err != nil {
		return v1.Descriptor{}, fmt.Errorf("%s: %w", v1.ImageIndexFile, err)
	}
	if len(idx.Manifests) == 1 {
		return bare(idx.Manifests[0]), nil
	}
	for _, e := range idx.Manifests {
		if e.Annotations[v1.AnnotationRefName] == name {
			return bare(e), nil
		}
	}
	return v1.Descriptor{}, fmt.Errorf("the layout has %d images and none of that name", len(idx.Manifests))
}

func (s *Store) copyBlob(ctx context.Context, layout fs.FS, d v1.Descriptor) (err error) {
	g, err := s.Ingest(ctx, d)
	if errors.Is(err, ErrExists) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.Close(err)) }()
	if err := g.Reset(); err != nil { // the copy is local: resuming it is not worth the trouble
		return err
	}
	f, err := layout.Open(v1.ImageBlobsDir + "/" + d.Digest.Algorithm().String() + "/" + d.Digest.Encoded())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := io.Copy(g, &ctxReader{ctx, f}); err != nil {
		return fmt.Errorf("blob %s: %w", d.Digest, err)
	}
	if err := g.Commit(); err != nil {
		return errors.Join(fmt.Errorf("blob %s: %w", d.Digest, err), g.Reset())
	}
	return nil
}
