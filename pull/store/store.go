// Package store keeps images in a plain OCI image layout.
package store

import (
	"context"
	"errors"
	"io"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// ErrNotFound reports that no image has the name, ID or digest asked for.
var ErrNotFound = errors.New("no such image")

// A Layer is one compressed tar archive of an image.
type Layer struct {
	Digest    digest.Digest // of the compressed bytes, as the manifest names them
	DiffID    digest.Digest // of the uncompressed tar, as the config names it
	Size      int64         // compressed bytes
	MediaType string

	// Open reads the compressed bytes from the start. While the layer is
	// being downloaded the reader follows the download and blocks for more;
	// it returns io.EOF only once the whole blob was verified against Digest
	// and Size, and the download's error if it failed. The caller closes it.
	Open func(ctx context.Context) (io.ReadCloser, error)
}

// An Image is one platform's image in the store.
type Image struct {
	ID          digest.Digest // of the config blob: Docker's image ID
	Manifest    v1.Descriptor
	Names       []string // full references with tags: docker.io/library/alpine:3.20.3
	RepoDigests []string // docker.io/library/alpine@sha256:…, as pulled
	Config      v1.Image
	RawConfig   []byte // the config blob as it is, for keys that v1.Image does not know
	Layers      []Layer
}

// A Store is an OCI image layout in one directory.
type Store struct{ dir string }

// Open opens the store in dir, an absolute path, and makes it if it is missing.
func Open(dir string) (*Store, error) { return &Store{dir: dir}, errors.New("store: to be written") }

// Find returns the image that a user's word means: a name by Docker's rules, a full
// or shortened image ID (with or without "sha256:"), or NAME@DIGEST.
// Errors: ErrNotFound, *AmbiguousError.
func (s *Store) Find(ctx context.Context, word string) (Image, error) {
	return Image{}, ErrNotFound
}

// Images lists every image, newest first.
func (s *Store) Images(ctx context.Context) ([]Image, error) { return nil, nil }
