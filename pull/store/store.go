// Package store keeps images in a plain OCI image layout.
//
// The layout (image-spec, image-layout.md) is a directory that skopeo, crane
// and umoci read as well:
//
//	oci-layout           the version of the layout
//	index.json           one descriptor per name: which manifest it means
//	blobs/sha256/HEX     manifests, configs and layers, named by their content
//	ingest/ALG-HEX       blobs that are still arriving
//	*.lock               lock files, see below
//
// A blob is named after the hash of its bytes, so it never changes: it is
// written under ingest/, verified, and renamed into place. What names mean
// changes, and all of that is in index.json, which is replaced in one rename
// under one lock. So readers never wait, whatever is being pulled or removed.
//
// Besides the name (org.opencontainers.image.ref.name, always the full one:
// docker.io/library/alpine:3.20.3) an entry of index.json carries two
// annotations of ours, [AnnotationID] and [AnnotationRepoDigests]. An entry
// without a name is an image whose last tag moved on, Docker's <none>.
//
// There are two locks between processes. index.json.lock is held for the few
// milliseconds of a change. blobs.lock is shared by everybody who is bringing
// blobs that index.json does not name yet ([Store.Hold]) and taken alone by
// whoever deletes blobs, so that no blob disappears between its arrival and
// its mention. A partial file is locked itself by the process that fills it.
//
// Left out: signatures and referrers, and images of more than one platform
// under one name.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/learnbox/learnbox/internal/atomicfile"
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

// A Store is an OCI image layout in one directory. It has no state in memory:
// any number of Stores, in any number of processes, may share the directory.
type Store struct{ dir string }

// What the store owns may be somebody's private image, so only its owner reads it.
const (
	dirMode  = 0o700
	fileMode = 0o600
)

const ingestDir = "ingest"

// Open opens the store in dir, an absolute path, and makes it if it is missing.
func Open(dir string) (*Store, error) {
	s := &Store{dir: dir}
	if err := s.prepare(); err != nil {
		return nil, fmt.Errorf("open image store: %w", err)
	}
	return s, nil
}

// Dir returns the directory of the store.
func (s *Store) Dir() string { return s.dir }

func (s *Store) path(elem ...string) string {
	return filepath.Join(append([]string{s.dir}, elem...)...)
}

func (s *Store) prepare() error {
	if !filepath.IsAbs(s.dir) {
		return fmt.Errorf("%q is not an absolute path", s.dir)
	}
	data, err := os.ReadFile(s.path(v1.ImageLayoutFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s.create()
	case err != nil:
		return err
	}
	var l v1.ImageLayout
	if err := json.Unmarshal(data, &l); err != nil {
		return fmt.Errorf("%s: %w", s.path(v1.ImageLayoutFile), err)
	}
	if l.Version != v1.ImageLayoutVersion {
		return fmt.Errorf("%s: layout version %q, this learnbox knows %s",
			s.path(v1.ImageLayoutFile), l.Version, v1.ImageLayoutVersion)
	}
	return nil
}

// create makes an empty layout. The file oci-layout comes last: it says that
// the rest is there. Two processes may do this at once, so an index.json that
// the other one wrote meanwhile stays.
func (s *Store) create() error {
	for _, d := range []string{s.path(v1.ImageBlobsDir, digest.SHA256.String()), s.path(ingestDir)} {
		if err := os.MkdirAll(d, dirMode); err != nil {
			return err
		}
	}
	err := s.update(context.Background(), func(*v1.Index) error { return nil })
	if err != nil {
		return err
	}
	data, err := json.Marshal(v1.ImageLayout{Version: v1.ImageLayoutVersion})
	if err != nil {
		return err
	}
	return atomicfile.Write(s.path(v1.ImageLayoutFile), data, fileMode)
}
