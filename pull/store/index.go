package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	digest "github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/learnbox/learnbox/internal/atomicfile"
)

// Annotations that learnbox writes on the entries of index.json, beside
// org.opencontainers.image.ref.name.
const (
	// AnnotationID holds the image ID, the digest of the config. The manifest
	// says the same; here it saves a search by ID from reading every manifest.
	AnnotationID = "io.github.learnbox.image.id"

	// AnnotationRepoDigests holds Docker's RepoDigests, parted by spaces:
	// REPOSITORY@DIGEST for each pull that brought this image, where DIGEST is
	// what the registry answered with: the digest of the index if the image
	// was chosen from one.
	AnnotationRepoDigests = "io.github.learnbox.image.repo-digests"
)

const (
	indexLock = "index.json.lock"
	blobsLock = "blobs.lock"
)

func (s *Store) readIndex() (v1.Index, error) {
	idx := v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex}
	data, err := os.ReadFile(s.path(v1.ImageIndexFile))
	if errors.Is(err, fs.ErrNotExist) {
		return idx, nil
	}
	if err != nil {
		return idx, fmt.Errorf("read image index: %w", err)
	}
	if err := json.Unmarshal(data, &idx); err != nil {
		return idx, fmt.Errorf("%s is damaged: %w", s.path(v1.ImageIndexFile), err)
	}
	return idx, nil
}

// update changes index.json by fn, alone among all processes. If fn returns an
// error, nothing is written.
func (s *Store) update(ctx context.Context, fn func(*v1.Index) error) (err error) {
	l, err := atomicfile.Acquire(ctx, s.path(indexLock))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Release()) }()
	idx, err := s.readIndex()
	if err != nil {
		return err
	}
	if err := fn(&idx); err != nil {
		return err
	}
	tidy(&idx)
	if idx.Manifests == nil {
		idx.Manifests = []v1.Descriptor{} // the specification wants an array, not null
	}
	data, err := json.MarshalIndent(idx, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(s.path(v1.ImageIndexFile), append(data, '\n'), fileMode)
}

// tidy drops the entries without a name whose manifest has an entry that is
// worth keeping instead, and hands their repository digests on to it.
func tidy(idx *v1.Index) {
	keeper := map[digest.Digest]int{}
	for i, e := range idx.Manifests {
		if k, seen := keeper[e.Digest]; !seen || refName(idx.Manifests[k]) == "" && refName(e) != "" {
			keeper[e.Digest] = i
		}
	}
	var kept []v1.Descriptor
	for i, e := range idx.Manifests {
		k := keeper[e.Digest]
		if i != k && refName(e) == "" {
			addRepoDigests(&idx.Manifests[k], repoDigests(e)...)
		}
	}
	for i, e := range idx.Manifests {
		if i == keeper[e.Digest] || refName(e) != "" {
			kept = append(kept, e)
		}
	}
	idx.Manifests = kept
}

func refName(e v1.Descriptor) string { return e.Annotations[v1.AnnotationRefName] }

func repoDigests(e v1.Descriptor) []string {
	return strings.Fields(e.Annotations[AnnotationRepoDigests])
}

// setAnnotation never writes into a map that another copy of e may share.
func setAnnotation(e *v1.Descriptor, key, value string) {
	e.Annotations = maps.Clone(e.Annotations)
	if value == "" {
		delete(e.Annotations, key)
		return
	}
	if e.Annotations == nil {
		e.Annotations = map[string]string{}
	}
	e.Annotations[key] = value
}

func addRepoDigests(e *v1.Descriptor, more ...string) {
	all := repoDigests(*e)
	for _, d := range more {
		if !slices.Contains(all, d) {
			all = append(all, d)
		}
	}
	setAnnotation(e, AnnotationRepoDigests, strings.Join(all, " "))
}

func dropRepoDigests(e *v1.Descriptor, drop func(string) bool) {
	rest := slices.DeleteFunc(repoDigests(*e), drop)
	setAnnotation(e, AnnotationRepoDigests, strings.Join(rest, " "))
}

// idOf returns the image ID of an entry, from the annotation or, for entries
// that another program wrote, from the manifest. Entries that are no images
// (an index, an artifact) have none.
func (s *Store) idOf(e v1.Descriptor) (digest.Digest, error) {
	if id := digest.Digest(e.Annotations[AnnotationID]); id.Validate() == nil {
		return id, nil
	}
	m, err := s.readManifest(e)
	if err != nil {
		return "", err
	}
	return m.Config.Digest, nil
}
