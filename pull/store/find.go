package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/learnbox/learnbox/pull/name"
)

// An AmbiguousError reports that a shortened ID fits several images.
type AmbiguousError struct {
	Word string
	IDs  []digest.Digest // the images that it fits
}

func (e *AmbiguousError) Error() string {
	ids := make([]string, len(e.IDs))
	for i, id := range e.IDs {
		ids[i] = short(id)
	}
	return fmt.Sprintf("%q is the start of several image IDs: %s", e.Word, strings.Join(ids, ", "))
}

// Hint says how to be unambiguous.
func (e *AmbiguousError) Hint() string { return "type more characters of the ID, or the image's name" }

// Find returns the image that a user's word means: a name by Docker's rules, a full
// or shortened image ID (with or without "sha256:"), or NAME@DIGEST. A name
// wins over the start of an ID. Errors: ErrNotFound, *AmbiguousError.
func (s *Store) Find(ctx context.Context, word string) (Image, error) {
	img, err := s.findOnce(word)
	if errors.Is(err, fs.ErrNotExist) && ctx.Err() == nil {
		// The image was replaced between reading the index and reading its
		// blobs. The index of now tells what the word means now.
		img, err = s.findOnce(word)
	}
	if err != nil && !isNotFound(err) {
		return Image{}, fmt.Errorf("image %s: %w", word, err)
	}
	return img, err
}

func isNotFound(err error) bool { return errors.Is(err, ErrNotFound) }

func (s *Store) findOnce(word string) (Image, error) {
	idx, err := s.readIndex()
	if err != nil {
		return Image{}, err
	}
	m, err := s.match(idx, word)
	if err != nil {
		return Image{}, err
	}
	img, err := s.load(idx, m.entry)
	if err != nil {
		return Image{}, err
	}
	if img.ID != m.id {
		return Image{}, fmt.Errorf("damaged store: index.json gives %s for the ID, the manifest %s", m.id, img.ID)
	}
	return img, nil
}

// A match is what a word means in an index.
type match struct {
	entry v1.Descriptor
	id    digest.Digest
	ref   string // the full reference, with tag or digest, that matched; "" if the ID did
}

func (s *Store) match(idx v1.Index, word string) (match, error) {
	if ref, err := name.Parse(word); err == nil {
		if e, full, ok := matchName(idx, ref); ok {
			id, err := s.idOf(e)
			return match{e, id, full}, err
		}
	}
	prefix := strings.TrimPrefix(word, digest.SHA256.String()+":")
	if !isHex(prefix) {
		return match{}, fmt.Errorf("%w: %s", ErrNotFound, word)
	}
	var found match
	var ids []digest.Digest
	for _, e := range idx.Manifests {
		id, err := s.idOf(e)
		if err != nil || !strings.HasPrefix(id.Encoded(), prefix) || slices.Contains(ids, id) {
			continue
		}
		found, ids = match{entry: e, id: id}, append(ids, id)
	}
	switch len(ids) {
	case 0:
		return match{}, fmt.Errorf("%w: %s", ErrNotFound, word)
	case 1:
		return found, nil
	default:
		return match{}, &AmbiguousError{Word: word, IDs: ids}
	}
}

// matchName finds NAME[:TAG] or NAME@DIGEST. With both a tag and a digest the
// digest counts, as in Docker.
func matchName(idx v1.Index, ref name.Ref) (e v1.Descriptor, full string, ok bool) {
	if ref.Digest != "" {
		want := ref.Repository() + "@" + ref.Digest.String()
		for _, e := range idx.Manifests {
			if slices.Contains(repoDigests(e), want) {
				return e, want, true
			}
		}
		return v1.Descriptor{}, "", false
	}
	want := ref.String()
	for _, e := range idx.Manifests {
		if fullName(e) == want {
			return e, want, true
		}
	}
	return v1.Descriptor{}, "", false
}

// fullName returns the name of an entry, "" if it has none. Names that another
// program put into index.json are completed as Docker would; ours are complete,
// and not parsed, since Find looks at every entry.
func fullName(e v1.Descriptor) string {
	n := refName(e)
	if n == "" || e.Annotations[AnnotationID] != "" {
		return n
	}
	ref, err := name.Parse(n)
	if err != nil {
		return n
	}
	return ref.String()
}

func isHex(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "0123456789abcdef") == ""
}

// short is the first twelve digits of an ID, as Docker prints it.
func short(id digest.Digest) string { return id.Encoded()[:min(12, len(id.Encoded()))] }

func created(i Image) time.Time {
	if i.Config.Created == nil {
		return time.Time{}
	}
	return *i.Config.Created
}
