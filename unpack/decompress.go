package unpack

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// A codec is a compression of layers.
type codec string

const (
	codecNone  codec = "none"
	codecGzip  codec = "gzip"
	codecZstd  codec = "zstd"
	codecXz    codec = "xz"
	codecBzip2 codec = "bzip2"
)

// mediaCodec returns the compression that a media type names; the empty codec
// where it names none. Docker's types are those of distribution's schema 2, OCI's
// those of image-spec's media-types.md.
func mediaCodec(mediaType string) (codec, error) {
	switch mediaType {
	case "", "application/octet-stream", "application/x-tar":
		return "", nil
	case "application/gzip", "application/x-gzip":
		return codecGzip, nil
	}
	for _, family := range []string{
		"application/vnd.oci.image.layer.v1.tar",
		"application/vnd.oci.image.layer.nondistributable.v1.tar",
		"application/vnd.docker.image.rootfs.diff.tar",
		"application/vnd.docker.image.rootfs.foreign.diff.tar",
	} {
		suffix, ok := strings.CutPrefix(mediaType, family)
		if !ok {
			continue
		}
		if strings.Contains(suffix, "encrypted") {
			return "", fmt.Errorf("the layer is encrypted (%s); learnbox has no keys", mediaType)
		}
		switch suffix {
		case "":
			return codecNone, nil
		case "+gzip", ".gzip":
			return codecGzip, nil
		case "+zstd", ".zstd":
			return codecZstd, nil
		}
	}
	return "", fmt.Errorf("media type %q is no layer that learnbox can unpack: it reads tar, tar+gzip and tar+zstd", mediaType)
}

// sniffCodec recognises a compression by the first bytes of the blob; the empty
// codec is none that it knows. The numbers stand in RFC 1952 (gzip), RFC 8878
// (zstd frames and skippable frames), and tar(5) ("ustar" in the first header).
func sniffCodec(head []byte) codec {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b, 0x08}):
		return codecGzip
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}),
		len(head) >= 4 && head[0]&0xf0 == 0x50 && bytes.Equal(head[1:4], []byte{0x2a, 0x4d, 0x18}):
		return codecZstd
	case len(head) >= 262 && string(head[257:262]) == "ustar":
		return codecNone
	case bytes.HasPrefix(head, []byte{0xfd, '7', 'z', 'X', 'Z', 0}):
		return codecXz
	case bytes.HasPrefix(head, []byte("BZh")):
		return codecBzip2
	}
	return ""
}

// decompress reads what is in r. As Docker does, it believes the bytes more than
// the media type, which registries and converters are known to get wrong; the
// diffID decides in the end anyway.
func decompress(r io.Reader, mediaType string) (io.ReadCloser, error) {
	named, err := mediaCodec(mediaType)
	if err != nil {
		return nil, err
	}
	// gzip and zstd read a bufio.Reader as it is and never beyond their end.
	br := bufio.NewReaderSize(r, 64<<10)
	// A short blob gives less than 512 bytes, and its error comes up again.
	head, _ := br.Peek(512)
	found := sniffCodec(head)
	if found == "" {
		found = named
	}
	switch found {
	case codecGzip:
		z, err := gzip.NewReader(br)
		if err != nil {
			return nil, fmt.Errorf("decompress gzip: %w", noEOF(err))
		}
		return &decompressor{z, z.Close, found}, nil
	case codecZstd:
		// Concurrency 1 decodes in the goroutine that reads: the pipeline around
		// it already fills two cores.
		z, err := zstd.NewReader(br, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err != nil {
			return nil, fmt.Errorf("decompress zstd: %w", noEOF(err))
		}
		return &decompressor{z, z.IOReadCloser().Close, found}, nil
	case codecXz, codecBzip2:
		return nil, fmt.Errorf("the layer is compressed with %s, which no media type of layers allows", found)
	case codecNone:
	}
	return io.NopCloser(br), nil
}

// A decompressor says which compression its errors are about.
type decompressor struct {
	io.Reader
	close func() error
	codec codec
}

// Read goes on to the end of the blob: further gzip members and zstd frames belong
// to the layer. Both libraries take anything else behind the last one for a bad
// header; the diffID would not cover it, and a blob with two meanings is a trap.
func (d *decompressor) Read(p []byte) (int, error) {
	n, err := d.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("decompress %s: %w", d.codec, err)
	}
	return n, err
}

// Close frees what the decompressor holds; the blob stays open.
func (d *decompressor) Close() error { return d.close() }

// noEOF is for places where an end is no end but a truncated blob.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
