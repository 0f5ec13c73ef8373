package unpack

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func zstded(t testing.TB, b []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(b, nil)
}

func TestMediaTypes(t *testing.T) {
	tests := map[string]struct {
		want    codec
		wantErr string
	}{
		"":                                       {want: ""},
		"application/octet-stream":               {want: ""},
		"application/gzip":                       {want: codecGzip},
		"application/vnd.oci.image.layer.v1.tar": {want: codecNone},
		"application/vnd.oci.image.layer.v1.tar+gzip":                  {want: codecGzip},
		"application/vnd.oci.image.layer.v1.tar+zstd":                  {want: codecZstd},
		"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip": {want: codecGzip},
		"application/vnd.docker.image.rootfs.diff.tar":                 {want: codecNone},
		"application/vnd.docker.image.rootfs.diff.tar.gzip":            {want: codecGzip},
		"application/vnd.docker.image.rootfs.diff.tar.zstd":            {want: codecZstd},
		"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip":    {want: codecGzip},
		"application/vnd.oci.image.layer.v1.tar+gzip+encrypted":        {wantErr: "encrypted"},
		"application/vnd.oci.image.layer.v1.tar+encrypted":             {wantErr: "encrypted"},
		"application/vnd.oci.image.layer.v1.tar+bzip2":                 {wantErr: "no layer that learnbox can unpack"},
		"application/vnd.oci.image.config.v1+json":                     {wantErr: "no layer that learnbox can unpack"},
		"application/vnd.cncf.helm.chart.content.v1.tar+gzip":          {wantErr: "no layer that learnbox can unpack"},
		"application/vnd.oci.image.layer.squashfs":                     {wantErr: "no layer that learnbox can unpack"},
		"application/vnd.oci.image.layer.v1.tarx":                      {wantErr: "no layer that learnbox can unpack"},
		"text/html": {wantErr: "no layer that learnbox can unpack"},
		"application/vnd.docker.container.image.v1+json":                {wantErr: "no layer that learnbox can unpack"},
		"application/vnd.oci.image.layer.nondistributable.v1.tar+weird": {wantErr: "no layer that learnbox can unpack"},
	}
	for mediaType, tt := range tests {
		got, err := mediaCodec(mediaType)
		if got != tt.want || (err == nil) != (tt.wantErr == "") || err != nil && !strings.Contains(err.Error(), tt.wantErr) {
			t.Errorf("mediaCodec(%q) = %q, %v, want %q, %q", mediaType, got, err, tt.want, tt.wantErr)
		}
	}
}

func TestDecompress(t *testing.T) {
	const (
		tarType  = "application/vnd.oci.image.layer.v1.tar"
		gzipType = tarType + "+gzip"
		zstdType = tarType + "+zstd"
	)
	old := append([]byte("name"), make([]byte, 1020)...) // tar before "ustar"
	ustar := bytes.Clone(old)
	copy(ustar[257:], "ustar")
	bzips := bytes.Clone(ustar) // an archive whose first file is called BZh
	copy(bzips, "BZh")
	gz, zs := gzipped(t, ustar), zstded(t, ustar)
	skippable := []byte{0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 'a', 'b', 'c'}
	flipped := bytes.Clone(gz)
	flipped[len(flipped)-6] ^= 1 // its checksum
	// A frame of one byte that asks for a window of 256 MiB: RFC 8878, 3.1.1.1.2.
	window := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, (28 - 10) << 3, 1<<3 | 1, 0, 0, 'x'}
	narrow := bytes.Clone(window)
	narrow[5] = (27 - 10) << 3

	tests := map[string]struct {
		mediaType string
		in        []byte
		want      []byte
		wantErr   string
	}{
		"tar":                              {mediaType: tarType, in: ustar, want: ustar},
		"tar before ustar":                 {mediaType: tarType, in: old, want: old},
		"gzip":                             {mediaType: gzipType, in: gz, want: ustar},
		"zstd":                             {mediaType: zstdType, in: zs, want: ustar},
		"no type, tar":                     {in: ustar, want: ustar},
		"no type, gzip":                    {in: gz, want: ustar},
		"no type, zstd":                    {in: zs, want: ustar},
		"said gzip, is tar":                {mediaType: gzipType, in: ustar, want: ustar},
		"said tar, is gzip":                {mediaType: tarType, in: gz, want: ustar},
		"said gzip, is zstd":               {mediaType: gzipType, in: zs, want: ustar},
		"gzip in two members":              {mediaType: gzipType, in: concat(gz, gzipped(t, old)), want: concat(ustar, old)},
		"zstd in two frames":               {mediaType: zstdType, in: concat(zs, zstded(t, old)), want: concat(ustar, old)},
		"zstd:chunked, index at the end":   {mediaType: zstdType, in: concat(zs, skippable), want: ustar},
		"zstd, skippable frame first":      {mediaType: zstdType, in: concat(skippable, zs), want: ustar},
		"a file called like bzip2":         {mediaType: tarType, in: bzips, want: bzips},
		"bzip2":                            {in: []byte("BZh91AY&SY"), wantErr: "compressed with bzip2"},
		"xz":                               {mediaType: gzipType, in: []byte("\xfd7zXZ\x00\x00\x04"), wantErr: "compressed with xz"},
		"said gzip, is HTML":               {mediaType: gzipType, in: []byte("<!DOCTYPE html>"), wantErr: "gzip: invalid header"},
		"said gzip, is nothing":            {mediaType: gzipType, wantErr: "unexpected EOF"},
		"said zstd, is nothing":            {mediaType: zstdType, want: nil},
		"gzip, truncated":                  {mediaType: gzipType, in: gz[:len(gz)-9], wantErr: "unexpected EOF"},
		"gzip, truncated in the checksum":  {mediaType: gzipType, in: gz[:len(gz)-3], wantErr: "unexpected EOF"},
		"gzip, truncated in the header":    {mediaType: gzipType, in: gz[:7], wantErr: "unexpected EOF"},
		"zstd, truncated":                  {mediaType: zstdType, in: zs[:len(zs)-3], wantErr: "unexpected EOF"},
		"gzip, wrong checksum":             {mediaType: gzipType, in: flipped, wantErr: "invalid checksum"},
		"gzip, garbage behind":             {mediaType: gzipType, in: concat(gz, []byte("garbage, more than a header")), wantErr: "decompress gzip"},
		"gzip, one byte behind":            {mediaType: gzipType, in: concat(gz, []byte("g")), wantErr: "decompress gzip"},
		"gzip, zeros behind":               {mediaType: gzipType, in: concat(gz, make([]byte, 512)), wantErr: "decompress gzip"},
		"zstd, garbage behind":             {mediaType: zstdType, in: concat(zs, []byte("garbage")), wantErr: "decompress zstd"},
		"zstd, the largest window":         {mediaType: zstdType, in: narrow, want: []byte("x")},
		"zstd, one byte behind":            {mediaType: zstdType, in: concat(zs, []byte("g")), wantErr: "decompress zstd"},
		"zstd, zeros behind":               {mediaType: zstdType, in: concat(zs, make([]byte, 512)), wantErr: "decompress zstd"},
		"zstd, a window beyond all memory": {mediaType: zstdType, in: window, wantErr: "decompress zstd"},
	}
	for name, tt := range tests {
		for how, reader := range map[string]func(io.Reader) io.Reader{
			"at once": func(r io.Reader) io.Reader { return r }, "by bytes": iotest.OneByteReader, "with its end": iotest.DataErrReader,
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				got, err := unpacked(reader(bytes.NewReader(tt.in)), tt.mediaType)
				if tt.wantErr != "" {
					if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
						t.Errorf("got %d bytes, %v, want the error %q", len(got), err, tt.wantErr)
					}
					return
				}
				if err != nil || !bytes.Equal(got, tt.want) {
					t.Errorf("got %d bytes, %v, want %d", len(got), err, len(tt.want))
				}
			})
		}
	}
}

// unpacked reads r through both stages of a pipeline.
func unpacked(r io.Reader, mediaType string) ([]byte, error) {
	stop := make(chan struct{})
	packed := newReadAhead(r, 7, 2, stop, nil)
	defer packed.wait()
	defer close(stop)
	z, err := decompress(packed, mediaType)
	if err != nil {
		return nil, err
	}
	var seen []byte
	plain := newReadAhead(z, 11, 3, stop, func(b []byte) { seen = append(seen, b...) })
	got, err := io.ReadAll(plain)
	plain.wait()
	if err == nil && !bytes.Equal(got, seen) {
		err = errors.New("the observer saw other bytes than the reader")
	}
	return got, errors.Join(err, z.Close())
}

func concat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func TestReadAheadStops(t *testing.T) {
	stop := make(chan struct{})
	reads := 0
	endless := iotest.OneByteReader(io.MultiReader(neverEnds{&reads}))
	a := newReadAhead(endless, 10, 2, stop, func([]byte) {})
	if _, err := io.ReadFull(a, make([]byte, 25)); err != nil {
		t.Fatal(err)
	}
	close(stop)
	a.wait()
	if reads > 25+3*10 {
		t.Errorf("read %d bytes ahead of 25 with two buffers of 10", reads)
	}
	for range 10 {
		if _, err := io.ReadAll(io.LimitReader(a, 100)); err != nil {
			if !errors.Is(err, errStopped) {
				t.Errorf("after the stop: %v", err)
			}
			return
		}
	}
	t.Error("a stopped reader went on")
}

type neverEnds struct{ reads *int }

func (n neverEnds) Read(p []byte) (int, error) {
	*n.reads += len(p)
	return len(p), nil
}

func TestReadAheadKeepsErrors(t *testing.T) {
	broken := errors.New("connection reset")
	a := newReadAhead(io.MultiReader(strings.NewReader("some bytes"), iotest.ErrReader(broken)), 4, 2, nil, nil)
	got, err := io.ReadAll(a)
	if string(got) != "some bytes" || !errors.Is(err, broken) {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := a.Read(make([]byte, 1)); !errors.Is(err, broken) {
		t.Errorf("again: %v", err)
	}
	a.wait()
}

// The store restarts a download by telling those who have read from it; they must
// be able to see that it was this and not a bad layer.
func TestErrorsOfTheStoreComeThrough(t *testing.T) {
	restarted := errors.New("restarted")
	plain := bytes.Repeat([]byte("some content, "), 10_000)
	for name, packed := range map[string][]byte{"tar+gzip": gzipped(t, plain), "tar+zstd": zstded(t, plain), "tar": plain} {
		for _, at := range []int{0, 5, len(packed) / 2, len(packed)} {
			r := io.MultiReader(bytes.NewReader(packed[:at]), iotest.ErrReader(restarted))
			if _, err := unpacked(r, "application/vnd.oci.image.layer.v1."+name); !errors.Is(err, restarted) {
				t.Errorf("%s, after %d bytes: %v", name, at, err)
			}
		}
	}
}
