package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/learnbox/learnbox/internal/atomicfile"
)

// A Hold keeps blobs that index.json does not name yet from being deleted.
type Hold struct{ l *atomicfile.Lock }

// Release ends the hold.
func (h Hold) Release() error { return h.l.Release() }

// Hold must be taken before the first look at a blob that Put will name, and
// released after that Put. Many may hold at once; it only waits while another
// process deletes blobs.
func (s *Store) Hold(ctx context.Context) (Hold, error) {
	l, err := atomicfile.Share(ctx, s.path(blobsLock))
	return Hold{l}, err
}

// Clean removes what crashed and abandoned pulls left and what is older than
// age: partial files that no process is filling, and blobs that no image
// refers to. While a pull is under way anywhere, it does nothing. A pull calls
// it when it is done; so partial files wait that long for being resumed.
func (s *Store) Clean(ctx context.Context, age time.Duration) error {
	err := s.alone(ctx, func(used map[digest.Digest]bool) error {
		old := func(fi fs.FileInfo) bool { return time.Since(fi.ModTime()) >= age }
		return errors.Join(
			atomicfile.RemoveStale(s.dir),
			s.cleanPartials(old),
			s.cleanBlobs(used, old),
		)
	})
	if err != nil {
		return fmt.Errorf("clean image store: %w", err)
	}
	return nil
}

// sweep deletes those of the blobs that nothing refers to. If a pull is under
// way they stay, for a later Clean.
func (s *Store) sweep(ctx context.Context, blobs map[digest.Digest]bool) error {
	return s.alone(ctx, func(used map[digest.Digest]bool) error {
		var errs []error
		for d := range blobs {
			if !used[d] && d.Validate() == nil {
				errs = append(errs, removeIfThere(s.blobPath(d)))
			}
		}
		return errors.Join(errs...)
	})
}

// alone runs do while nobody brings blobs and nobody changes index.json, or
// not at all if somebody is bringing blobs now.
func (s *Store) alone(ctx context.Context, do func(used map[digest.Digest]bool) error) (err error) {
	index, err := atomicfile.Acquire(ctx, s.path(indexLock))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, index.Release()) }()
	blobs, err := atomicfile.TryAcquire(s.path(blobsLock))
	if errors.Is(err, atomicfile.ErrLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, blobs.Release()) }()
	used, err := s.used()
	if err != nil {
		return err
	}
	return do(used)
}

// used returns every blob that index.json leads to.
func (s *Store) used() (map[digest.Digest]bool, error) {
	idx, err := s.readIndex()
	if err != nil {
		return nil, err
	}
	used := map[digest.Digest]bool{}
	for _, e := range idx.Manifests {
		if err := s.walkEntry(e, used); err != nil {
			return nil, err
		}
	}
	return used, nil
}

// walkEntry marks the blobs of an entry, and what its repository digests name:
// the index, or the manifest in Docker's format, that the image came from.
func (s *Store) walkEntry(e v1.Descriptor, used map[digest.Digest]bool) error {
	if err := s.walk(e, used); err != nil {
		return err
	}
	for _, d := range digestsOf(repoDigests(e)) {
		fi, err := os.Stat(s.blobPath(d))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := s.walk(v1.Descriptor{Digest: d, Size: fi.Size()}, used); err != nil {
			return err
		}
	}
	return nil
}

// walk marks the blob d and all that it names. Other programs may have put an
// index into the layout, so this reads more kinds of documents than Find does.
// An index may name manifests that were never fetched.
// A manifest that is missing or damaged is of no use to anybody and neither are
// its layers; any other error means that we cannot tell.
func (s *Store) walk(d v1.Descriptor, used map[digest.Digest]bool) error {
	if used[d.Digest] {
		return nil
	}
	used[d.Digest] = true
	data, err := s.ReadBlob(d)
	var wrongSize *SizeError
	var wrongBytes *DigestError
	if errors.Is(err, fs.ErrNotExist) || errors.As(err, &wrongSize) || errors.As(err, &wrongBytes) {
		return nil
	}
	if err != nil {
		return err
	}
	var doc struct {
		Config    v1.Descriptor   `json:"config"`
		Layers    []v1.Descriptor `json:"layers"`
		Manifests []v1.Descriptor `json:"manifests"`
	}
	if json.Unmarshal(data, &doc) != nil {
		return nil //nolint:nilerr // what is no JSON names nothing
	}
	used[doc.Config.Digest] = true
	for _, l := range doc.Layers {
		used[l.Digest] = true
	}
	for _, m := range doc.Manifests {
		if err := s.walk(m, used); err != nil {
			return err
		}
	}
	return nil
}

func digestsOf(repoDigests []string) (ds []digest.Digest) {
	for _, r := range repoDigests {
		if _, d, ok := strings.Cut(r, "@"); ok && digest.Digest(d).Validate() == nil {
			ds = append(ds, digest.Digest(d))
		}
	}
	return ds
}

func (s *Store) cleanPartials(old func(fs.FileInfo) bool) error {
	return eachFile(s.path(ingestDir), func(path string, fi fs.FileInfo) (err error) {
		if !old(fi) {
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			return ignoreMissing(err)
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		if ok, err := atomicfile.TryLockFile(f); err != nil || !ok {
			return err
		}
		return removeIfThere(path)
	})
}

func (s *Store) cleanBlobs(used map[digest.Digest]bool, old func(fs.FileInfo) bool) error {
	algorithms, err := os.ReadDir(s.path(v1.ImageBlobsDir))
	if err != nil {
		return err
	}
	var errs []error
	for _, a := range algorithms {
		dir := s.path(v1.ImageBlobsDir, a.Name())
		errs = append(errs, atomicfile.RemoveStale(dir), eachFile(dir, func(path string, fi fs.FileInfo) error {
			d := digest.NewDigestFromEncoded(digest.Algorithm(a.Name()), fi.Name())
			// What is not named like a blob is not ours to remove.
			if isBlob := d.Validate() == nil; isBlob && !used[d] && old(fi) {
				return removeIfThere(path)
			}
			return nil
		}))
	}
	return errors.Join(errs...)
}

func eachFile(dir string, do func(path string, fi fs.FileInfo) error) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ignoreMissing(err)
	}
	var errs []error
	for _, e := range entries {
		fi, err := e.Info()
		if err != nil || !fi.Mode().IsRegular() {
			errs = append(errs, ignoreMissing(err))
			continue
		}
		errs = append(errs, do(filepath.Join(dir, e.Name()), fi))
	}
	return errors.Join(errs...)
}

func removeIfThere(path string) error { return ignoreMissing(os.Remove(path)) }

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
