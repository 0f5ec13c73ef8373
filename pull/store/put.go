package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/learnbox/learnbox/pull/name"
)

// Put enters an image, all of whose blobs are in the store, into the index.
// If ref has a tag and no digest, the image gets it; an image that had it stays, without.
// pulled is the digest that the registry answered with, "" if no registry did.
// The entry's platform is the config's, and its manifest OCI's even where the
// image came with Docker's.
func (s *Store) Put(ctx context.Context, manifest v1.Descriptor, ref name.Ref, pulled digest.Digest) (Image, error) {
	m, err := s.readManifest(manifest)
	if err != nil {
		return Image{}, err
	}
	for _, d := range append([]v1.Descriptor{m.Config}, m.Layers...) {
		if !s.Has(d) {
			return Image{}, fmt.Errorf("enter image %s: blob %s is not in the store", ref, d.Digest)
		}
	}
	e, m, err := s.ociManifest(manifest, m)
	if err != nil {
		return Image{}, fmt.Errorf("enter image %s: %w", ref, err)
	}
	setAnnotation(&e, AnnotationID, m.Config.Digest.String())
	if pulled != "" {
		addRepoDigests(&e, ref.Repository()+"@"+pulled.String())
	}
	if err := s.describePlatform(&e, m); err != nil {
		return Image{}, err
	}
	var img Image
	err = s.update(ctx, func(idx *v1.Index) error {
		enter(idx, e, ref)
		tidy(idx)
		img, err = s.load(*idx, e)
		return err
	})
	if err != nil {
		return Image{}, fmt.Errorf("enter image %s: %w", ref, err)
	}
	return img, nil
}

func (s *Store) describePlatform(e *v1.Descriptor, m v1.Manifest) error {
	raw, err := s.ReadBlob(m.Config)
	if err != nil {
		return err
	}
	c, err := ParseConfig(raw, m)
	if err != nil {
		return err
	}
	e.Platform = &v1.Platform{
		OS: c.OS, Architecture: c.Architecture, Variant: c.Variant,
		OSVersion: c.OSVersion, OSFeatures: c.OSFeatures,
	}
	return nil
}

// enter adds e to the index. The name of e, and its repository digests, mean
// one image only: whoever had them loses them.
func enter(idx *v1.Index, e v1.Descriptor, ref name.Ref) {
	full := ""
	if ref.Digest == "" {
		full = ref.String()
	}
	for i := range idx.Manifests {
		old := &idx.Manifests[i]
		if old.Digest == e.Digest {
			if full != "" && fullName(*old) == full {
				addRepoDigests(&e, repoDigests(*old)...)
				setAnnotation(old, v1.AnnotationRefName, "")
			}
			continue
		}
		if full != "" && fullName(*old) == full {
			setAnnotation(old, v1.AnnotationRefName, "")
		}
		dropRepoDigests(old, func(d string) bool { return slices.Contains(repoDigests(e), d) })
	}
	setAnnotation(&e, v1.AnnotationRefName, full)
	idx.Manifests = append(idx.Manifests, e)
}

// Tag gives the image that word means one more name. As in Docker, that must not
// have a digest.
func (s *Store) Tag(ctx context.Context, word string, ref name.Ref) error {
	if ref.Digest != "" {
		return fmt.Errorf("tag %s: %w", ref, errors.New("a digest says what an image is and cannot be given to another"))
	}
	err := s.update(ctx, func(idx *v1.Index) error {
		m, err := s.match(*idx, word)
		if err != nil {
			return err
		}
		e := m.entry
		setAnnotation(&e, AnnotationID, m.id.String())
		// Another tag of the same repository keeps the repository's digest alive.
		dropRepoDigests(&e, func(d string) bool { return !strings.HasPrefix(d, ref.Repository()+"@") })
		enter(idx, e, ref)
		return nil
	})
	if err != nil {
		return fmt.Errorf("tag %s: %w", ref, err)
	}
	return nil
}
