package unpack

import (
	"fmt"

	units "github.com/docker/go-units"
)

const (
	// The largest images in use, those for machine learning, hold about 20 GiB.
	defaultMaxBytes = 32 << 30
	// bytesPerEntry couples the two limits: real images have an entry for each
	// 15 to 60 KiB, and one of 32 GiB gets 2 Mi entries.
	bytesPerEntry  = 16 << 10
	leastEntries   = 2 << 20
	maxPath        = 4095      // PATH_MAX without its NUL, path_resolution(7)
	maxComponent   = 255       // NAME_MAX
	maxXattrSize   = 64 << 10  // XATTR_SIZE_MAX, xattr(7)
	maxZstdWindow  = 128 << 20 // what zstd(1) itself decompresses without --long
	errorNameBytes = 200       // of a name, in an error
)

// A LimitError reports an image that is larger than the options allow.
type LimitError struct {
	What  string // what there is too much of
	Limit string // how much is allowed, with its unit
}

func (e *LimitError) Error() string { return fmt.Sprintf("%s than %s", e.What, e.Limit) }

// Hint names the way out.
func (e *LimitError) Hint() string {
	return "if you trust the image, allow more with --max-unpacked, for example --max-unpacked 100g"
}

// A budget counts what the layers of one image cost.
type budget struct {
	bytes, maxBytes     int64
	entries, maxEntries int64
}

func newBudget(o Options) *budget {
	b := &budget{maxBytes: o.MaxBytes, maxEntries: o.MaxEntries}
	if b.maxBytes <= 0 {
		b.maxBytes = defaultMaxBytes
	}
	if b.maxEntries <= 0 {
		b.maxEntries = max(leastEntries, b.maxBytes/bytesPerEntry)
	}
	return b
}

// addBytes takes n uncompressed bytes, before they are written anywhere.
func (b *budget) addBytes(n int64) error {
	if n > b.maxBytes-b.bytes {
		return &LimitError{What: "the layers unpack to more", Limit: units.BytesSize(float64(b.maxBytes))}
	}
	b.bytes += n
	return nil
}

// addEntry takes one entry of an archive.
func (b *budget) addEntry() error {
	b.entries++
	if b.entries > b.maxEntries {
		return &LimitError{What: "the layers have more", Limit: fmt.Sprintf("%d entries", b.maxEntries)}
	}
	return nil
}
