package store

import (
	_ "crypto/sha256" // so that go-digest can compute it
	_ "crypto/sha512" // image-spec, descriptor.md: implementations may support it
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/learnbox/learnbox/internal/atomicfile"
)

// A DigestError reports bytes that are not the ones that were named.
type DigestError struct{ Want, Got digest.Digest }

func (e *DigestError) Error() string {
	return fmt.Sprintf("the bytes have the digest %s, want %s", e.Got, e.Want)
}

// A SizeError reports a blob that is longer or shorter than was announced.
type SizeError struct{ Want, Got int64 }

func (e *SizeError) Error() string {
	if e.Got > e.Want {
		return fmt.Sprintf("more than the announced %d bytes", e.Want)
	}
	return fmt.Sprintf("%d bytes, %d were announced", e.Got, e.Want)
}

// blobPath relies on a valid digest: nothing in one can leave the directory.
func (s *Store) blobPath(d digest.Digest) string {
	return s.path(v1.ImageBlobsDir, d.Algorithm().String(), d.Encoded())
}

// Has reports whether the blob is in the store, in full.
func (s *Store) Has(d v1.Descriptor) bool {
	if CheckDescriptor(d) != nil {
		return false
	}
	fi, err := os.Stat(s.blobPath(d.Digest))
	return err == nil && fi.Mode().IsRegular() && fi.Size() == d.Size
}

// OpenBlob opens a blob. Its content was verified when it came in; here only
// the size is compared, which is what a lost write changes.
func (s *Store) OpenBlob(d v1.Descriptor) (*os.File, error) {
	if err := CheckDescriptor(d); err != nil {
		return nil, err
	}
	f, err := os.Open(s.blobPath(d.Digest))
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err == nil && fi.Size() != d.Size {
		err = &SizeError{Want: d.Size, Got: fi.Size()}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("blob %s: %w", d.Digest, err), f.Close())
	}
	return f, nil
}

// ReadBlob returns a blob of at most [MaxDocument] bytes, verified again.
func (s *Store) ReadBlob(d v1.Descriptor) (data []byte, err error) {
	if d.Size > MaxDocument {
		return nil, fmt.Errorf("blob %s has %d bytes, the limit is %d", d.Digest, d.Size, MaxDocument)
	}
	f, err := s.OpenBlob(d)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	data = make([]byte, d.Size)
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, fmt.Errorf("blob %s: %w", d.Digest, err)
	}
	if got := d.Digest.Algorithm().FromBytes(data); got != d.Digest {
		return nil, fmt.Errorf("blob %s is damaged: %w", d.Digest, &DigestError{Want: d.Digest, Got: got})
	}
	return data, nil
}

// WriteBlob stores a small blob that is in memory, after verifying it.
func (s *Store) WriteBlob(d v1.Descriptor, data []byte) error {
	if err := CheckDescriptor(d); err != nil {
		return err
	}
	if int64(len(data)) != d.Size {
		return &SizeError{Want: d.Size, Got: int64(len(data))}
	}
	if got := d.Digest.Algorithm().FromBytes(data); got != d.Digest {
		return &DigestError{Want: d.Digest, Got: got}
	}
	if s.Has(d) {
		return nil
	}
	path := s.blobPath(d.Digest)
	if err := os.MkdirAll(filepath.Dir(path), dirMode); err != nil {
		return err
	}
	return atomicfile.Write(path, data, fileMode)
}
