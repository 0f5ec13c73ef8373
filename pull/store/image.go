package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// MaxDocument bounds manifests, indexes and configs, in bytes. They are read
// into memory, and registries refuse larger manifests too
// (distribution-spec, "Pushing Manifests").
const MaxDocument = 4 << 20

// ParseManifest reads an image manifest, OCI's or Docker's schema 2, and
// checks what everything after relies on: digests that are digests and sizes
// that are sizes.
func ParseManifest(data []byte) (v1.Manifest, error) {
	var m struct {
		v1.Manifest

		// An index has these. A document that is both would be read
		// differently by different programs (CVE-2021-41190).
		Manifests json.RawMessage `json:"manifests"`
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return v1.Manifest{}, fmt.Errorf("parse manifest: %w", err)
	}
	if m.Manifests != nil {
		return v1.Manifest{}, errors.New("parse manifest: it is an index, or claims to be both")
	}
	if m.SchemaVersion != 2 {
		return v1.Manifest{}, fmt.Errorf("parse manifest: schema version %d, want 2", m.SchemaVersion)
	}
	if err := CheckDescriptor(m.Config); err != nil {
		return v1.Manifest{}, fmt.Errorf("parse manifest: config: %w", err)
	}
	if m.Config.Size > MaxDocument {
		return v1.Manifest{}, fmt.Errorf("parse manifest: config of %d bytes, the limit is %d", m.Config.Size, MaxDocument)
	}
	for i, l := range m.Layers {
		if err := CheckDescriptor(l); err != nil {
			return v1.Manifest{}, fmt.Errorf("parse manifest: layer %d: %w", i+1, err)
		}
	}
	return m.Manifest, nil
}

// CheckDescriptor reports whether d names a blob: by a digest that can be
// computed here, with a size that can be.
func CheckDescriptor(d v1.Descriptor) error {
	if err := d.Digest.Validate(); err != nil {
		return fmt.Errorf("digest %q: %w", d.Digest, err)
	}
	if d.Size < 0 {
		return fmt.Errorf("size %d", d.Size)
	}
	return nil
}

// ParseConfig reads an image config and checks it against its manifest: both
// must tell of the same number of layers.
func ParseConfig(data []byte, m v1.Manifest) (v1.Image, error) {
	var c v1.Image
	if err := json.Unmarshal(data, &c); err != nil {
		return v1.Image{}, fmt.Errorf("parse image config: %w", err)
	}
	if have, want := len(c.RootFS.DiffIDs), len(m.Layers); have != want {
		return v1.Image{}, fmt.Errorf("the image config tells of %d layers, its manifest of %d", have, want)
	}
	for i, d := range c.RootFS.DiffIDs {
		if err := d.Validate(); err != nil {
			return v1.Image{}, fmt.Errorf("parse image config: diff_id %d, %q: %w", i+1, d, err)
		}
	}
	return c, nil
}

// Images lists every image, newest first.
func (s *Store) Images(ctx context.Context) ([]Image, error) {
	idx, err := s.readIndex()
	if err != nil {
		return nil, err
	}
	var images []Image
	seen := map[digest.Digest]bool{}
	for _, e := range idx.Manifests {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		// An image that was removed meanwhile, or an entry that another
		// program wrote and that is no image, must not hide the others.
		id, err := s.idOf(e)
		if err != nil || seen[id] {
			continue
		}
		img, err := s.load(idx, e)
		if err != nil {
			continue
		}
		seen[id] = true
		images = append(images, img)
	}
	slices.SortStableFunc(images, func(a, b Image) int {
		return cmp.Or(created(b).Compare(created(a)), strings.Compare(string(a.ID), string(b.ID)))
	})
	return images, nil
}

// load reads the image of an entry; idx tells its other names.
func (s *Store) load(idx v1.Index, e v1.Descriptor) (Image, error) {
	m, err := s.readManifest(e)
	if err != nil {
		return Image{}, err
	}
	raw, err := s.ReadBlob(m.Config)
	if err != nil {
		return Image{}, fmt.Errorf("image config: %w", err)
	}
	c, err := ParseConfig(raw, m)
	if err != nil {
		return Image{}, err
	}
	img := Image{ID: m.Config.Digest, Manifest: bare(e), Config: c, RawConfig: raw, Layers: s.layers(m, c)}
	for _, other := range idx.Manifests {
		if id, err := s.idOf(other); err != nil || id != img.ID {
			continue
		}
		if n := fullName(other); n != "" {
			img.Names = append(img.Names, n)
		}
		for _, d := range repoDigests(other) {
			if !slices.Contains(img.RepoDigests, d) {
				img.RepoDigests = append(img.RepoDigests, d)
			}
		}
	}
	slices.Sort(img.Names)
	slices.Sort(img.RepoDigests)
	return img, nil
}

// bare is the descriptor of the manifest without what the index says about it.
func bare(e v1.Descriptor) v1.Descriptor {
	return v1.Descriptor{MediaType: e.MediaType, Digest: e.Digest, Size: e.Size, Platform: e.Platform}
}

func (s *Store) layers(m v1.Manifest, c v1.Image) []Layer {
	layers := make([]Layer, len(m.Layers))
	for i, d := range m.Layers {
		layers[i] = Layer{
			Digest: d.Digest, DiffID: c.RootFS.DiffIDs[i], Size: d.Size, MediaType: d.MediaType,
			Open: func(context.Context) (io.ReadCloser, error) { return s.OpenBlob(d) },
		}
	}
	return layers
}

func (s *Store) readManifest(e v1.Descriptor) (v1.Manifest, error) {
	data, err := s.ReadBlob(e)
	if err != nil {
		return v1.Manifest{}, fmt.Errorf("manifest: %w", err)
	}
	return ParseManifest(data)
}
