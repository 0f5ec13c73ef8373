package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	digest "github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/learnbox/learnbox/pull/name"
)

// Removed tells what Remove took away.
type Removed struct {
	Untagged []string        // short names as Docker prints them: alpine:3.20.3, alpine@sha256:…
	Deleted  []digest.Digest // the image ID, then the chain IDs of layers that no other image has, top first
	Image    *Image          // the image that is gone; nil if it only lost names
}

// Lines returns what `docker rmi` prints for it.
func (r Removed) Lines() []string {
	var lines []string
	for _, n := range r.Untagged {
		lines = append(lines, "Untagged: "+n)
	}
	for _, d := range r.Deleted {
		lines = append(lines, "Deleted: "+d.String())
	}
	return lines
}

// A ReferencedError refuses to remove by ID an image that has several names.
type ReferencedError struct {
	ID    digest.Digest
	Names []string // short names
}

func (e *ReferencedError) Error() string {
	return fmt.Sprintf("image %s has several names: %s", short(e.ID), strings.Join(e.Names, ", "))
}

// Hint says how to remove it all the same.
func (e *ReferencedError) Hint() string {
	return "remove the names one by one, or force the removal with -f"
}

// Remove takes away a name or an image, by Docker's rules: a name goes alone,
// and with the last name the image goes too. By ID the image goes with all its
// names, if they are at most one tag and its digest, or with force; else it is a
// *ReferencedError. Blobs that nothing refers to any more are deleted. The
// flattened directory and running containers are not this package's business.
func (s *Store) Remove(ctx context.Context, word string, force bool) (Removed, error) {
	var r Removed
	had := map[digest.Digest]bool{} // the blobs of the image that goes
	err := s.update(ctx, func(idx *v1.Index) error {
		m, err := s.match(*idx, word)
		if err != nil {
			return err
		}
		names := s.references(*idx, m.id)
		gone := names
		switch {
		case m.ref != "":
			gone = goneWith(names, m.ref)
		case !force && !singleReference(names):
			return &ReferencedError{ID: m.id, Names: familiar(names)}
		}
		r.Untagged = familiar(gone)
		if len(gone) < len(names) {
			s.untag(idx, m.id, gone)
			return nil
		}
		return s.delete(idx, m, &r, had)
	})
	if err != nil {
		return Removed{}, fmt.Errorf("remove image: %w", err)
	}
	if r.Image != nil {
		// index.json is written: from here on nothing refers to these blobs.
		err = s.sweep(ctx, had)
	}
	return r, err
}

// references returns all names of an image, those with tags first.
func (s *Store) references(idx v1.Index, id digest.Digest) []string {
	var tags, digests []string
	for _, e := range idx.Manifests {
		if have, err := s.idOf(e); err != nil || have != id {
			continue
		}
		if n := fullName(e); n != "" {
			tags = append(tags, n)
		}
		digests = append(digests, repoDigests(e)...)
	}
	slices.Sort(tags)
	slices.Sort(digests)
	return append(tags, slices.Compact(digests)...)
}

// goneWith returns ref and, if it is the last tag of its repository, the
// digests of that repository: they tell where the tag came from.
func goneWith(names []string, ref string) []string {
	if strings.Contains(ref, "@") {
		return []string{ref}
	}
	repo := repository(ref)
	gone := []string{ref}
	for _, n := range names {
		switch {
		case n == ref || repository(n) != repo:
		case strings.Contains(n, "@"):
			gone = append(gone, n)
		default:
			return []string{ref}
		}
	}
	return gone
}

// singleReference reports whether names are at most one tag and the digests of
// its repository.
func singleReference(names []string) bool {
	tags := 0
	for _, n := range names {
		if !strings.Contains(n, "@") {
			tags++
		}
		if repository(n) != repository(names[0]) {
			return false
		}
	}
	return tags <= 1
}

// repository cuts tag or digest off a full reference.
func repository(ref string) string {
	if repo, _, ok := strings.Cut(ref, "@"); ok {
		return repo
	}
	return ref[:strings.LastIndexByte(ref, ':')]
}

func familiar(names []string) []string {
	short := make([]string, len(names))
	for i, n := range names {
		short[i] = n
		if ref, err := name.Parse(n); err == nil {
			short[i] = ref.Familiar()
		}
	}
	return short
}

// untag takes the names in gone from the image's entries.
func (s *Store) untag(idx *v1.Index, id digest.Digest, gone []string) {
	for i := range idx.Manifests {
		e := &idx.Manifests[i]
		if have, err := s.idOf(*e); err != nil || have != id {
			continue
		}
		if n := fullName(*e); n != "" && slices.Contains(gone, n) {
			setAnnotation(e, v1.AnnotationRefName, "")
		}
		dropRepoDigests(e, func(d string) bool { return slices.Contains(gone, d) })
	}
}

// delete takes all entries of the image away, and adds to had the blobs that it had.
func (s *Store) delete(idx *v1.Index, m match, r *Removed, had map[digest.Digest]bool) error {
	img, err := s.load(*idx, m.entry)
	if err != nil {
		// A damaged image must be removable; what it had cannot be told.
		img = Image{ID: m.id, Manifest: bare(m.entry)}
	}
	idx.Manifests = slices.DeleteFunc(idx.Manifests, func(e v1.Descriptor) bool {
		if id, err := s.idOf(e); err != nil || id != m.id {
			return false
		}
		// What cannot be read now is left to Clean.
		_ = s.walkEntry(e, had)
		return true
	})
	still := map[digest.Digest]bool{}
	for _, e := range idx.Manifests {
		if other, err := s.load(*idx, e); err == nil {
			for _, c := range chainIDs(other) {
				still[c] = true
			}
		}
	}
	r.Image = &img
	r.Deleted = []digest.Digest{img.ID}
	for _, c := range slices.Backward(chainIDs(img)) {
		if !still[c] {
			r.Deleted = append(r.Deleted, c)
		}
	}
	return nil
}

// chainIDs name the stacks of layers from the bottom up (image-spec,
// config.md): Docker prints these when it deletes layers.
func chainIDs(i Image) []digest.Digest {
	return identity.ChainIDs(slices.Clone(i.Config.RootFS.DiffIDs))
}
