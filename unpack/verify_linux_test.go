package unpack

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	digest "github.com/opencontainers/go-digest"

	"github.com/learnbox/learnbox/internal/privtest"
	"github.com/learnbox/learnbox/pull/store"
)

// TestBadLayers holds layers that are not what they should be: each is one error,
// and leaves nothing.
func TestBadLayers(t *testing.T) {
	privtest.Require(t, "root")
	const gzipType = "application/vnd.docker.image.rootfs.diff.tar.gzip"
	plain := archive(t, folder("d"), file("d/f", strings.Repeat("content ", 10_000)))
	packed := gzipped(t, plain)
	flip := func(b []byte, at int) []byte {
		b = bytes.Clone(b)
		b[at] ^= 0x40
		return b
	}
	lies := packedLayer(plain, packed, gzipType)
	lies.DiffID = digest.FromString("something else")
	broken := packedLayer(plain, packed, gzipType)
	broken.Open = func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(packed[:50]), readFunc(func([]byte) (int, error) {
			return 0, errors.New("connection reset by peer")
		}))), nil
	}
	// The store finds at the end that the bytes are not those of the digest.
	wrong := packedLayer(plain, packed, gzipType)
	wrong.Open = func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(packed), readFunc(func([]byte) (int, error) {
			return 0, errors.New("digest mismatch")
		}))), nil
	}
	closed := packedLayer(plain, packed, gzipType)
	closed.Open = func(context.Context) (io.ReadCloser, error) { return nil, errors.New("no such blob") }
	trailing := append(bytes.Clone(plain), "behind the archive"...)
	unknownTrailing := packedLayer(plain, gzipped(t, trailing), gzipType)

	tests := map[string]struct {
		layer store.Layer
		want  string // empty: it is good
	}{
		"good":                                  {packedLayer(plain, packed, gzipType), ""},
		"zstd":                                  {packedLayer(plain, zstded(t, plain), "application/vnd.oci.image.layer.v1.tar+zstd"), ""},
		"an archive of nothing":                 {layerOf(archive(t)), ""},
		"an archive without its last blocks":    {layerOf(plain[:len(plain)-1024]), ""},
		"another diffID":                        {lies, "its diffID"},
		"bytes behind the archive":              {layerOf(trailing), ""},
		"bytes behind that the diffID has not":  {unknownTrailing, "its diffID"},
		"a flipped bit":                         {packedLayer(plain, flip(packed, 100), gzipType), ""},
		"a flipped bit in the tar header":       {layerOf(flip(plain, 3)), "invalid tar header"},
		"gzip, truncated":                       {packedLayer(plain, packed[:len(packed)/2], gzipType), "unexpected EOF"},
		"tar, truncated in a file":              {layerOf(plain[:len(plain)-5000]), "unexpected EOF"},
		"tar, truncated in a header":            {layerOf(plain[:1024+300]), "unexpected EOF"},
		"garbage behind the gzip":               {packedLayer(plain, concat(packed, []byte("garbage")), gzipType), "decompress gzip"},
		"a connection that breaks":              {broken, "connection reset by peer"},
		"a wrong digest, found at the end":      {wrong, "digest mismatch"},
		"a blob that is not there":              {closed, "no such blob"},
		"an encrypted layer":                    {packedLayer(plain, packed, gzipType+"+encrypted"), "encrypted"},
		"a layer of another kind":               {packedLayer(plain, packed, "application/wasm"), "no layer that learnbox can unpack"},
		"HTML from a proxy":                     {layerOf([]byte("<!DOCTYPE html>" + strings.Repeat("<p>Please log in.", 100))), "read the archive"},
		"an empty blob":                         {packedLayer(nil, nil, gzipType), "unexpected EOF"},
		"a file of negative size":               {layerOf(negativeSize()), "invalid tar header"},
		"a PAX header that asks for a gigabyte": {layerOf(hugeRecord()), "header field too long"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := rootDir(t)
			base := layers(t, []item{file("base", "x")})
			path, err := Flatten(t.Context(), dir, append(base, tt.layer), Options{})
			if name == "a flipped bit" { // deflate may notice, its checksum, or we
				tt.want = "unpack layer " + tt.layer.Digest.String()
			}
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if err != nil && (!strings.Contains(err.Error(), tt.layer.Digest.String()) || strings.Contains(err.Error(), "\n")) {
				t.Errorf("%q is not one line that names the layer %s", err, tt.layer.Digest)
			}
			if got := listing(t, dir); (got == "") != (tt.want != "") || leftovers(t, dir) != nil {
				t.Errorf("in the directory (%s): %.100s", path, got)
			}
		})
	}
}

// negativeSize is an archive with a file of -1 bytes, in base 256.
func negativeSize() []byte {
	b := plainTar([]member{{tar.TypeReg, "f", ""}})
	copy(b[124:136], bytes.Repeat([]byte{0xff}, 12))
	fixSum(b)
	return b
}

// hugeRecord is an archive whose extended header says that it has 1 GiB.
func hugeRecord() []byte {
	b := plainTar([]member{{tar.TypeXHeader, "f", ""}})
	copy(b[124:136], "10000000000\x00")
	fixSum(b)
	return append(b, make([]byte, 2<<20)...) // more than archive/tar may take in
}

// TestBombs holds archives that cost more than they weigh.
func TestBombs(t *testing.T) {
	privtest.Require(t, "root")
	var many []item
	for i := range 1000 {
		many = append(many, file(fmt.Sprint("f", i%10), ""))
	}
	zeros := archive(t, file("zeros", strings.Repeat("\x00", 5<<20)))
	small := Options{MaxBytes: 1 << 20, MaxEntries: 100}
	tests := map[string]struct {
		layers []store.Layer
		want   string
	}{
		"a file of zeros":          {[]store.Layer{packedLayer(zeros, gzipped(t, zeros), "")}, "more than 1MiB"},
		"zeros behind the archive": {[]store.Layer{layerOf(append(archive(t), make([]byte, 2<<20)...))}, "more than 1MiB"},
		"many small layers":        {layers(t, []item{file("a", strings.Repeat("x", 600<<10))}, []item{file("a", strings.Repeat("y", 600<<10))}), "more than 1MiB"},
		"a sparse file, GNU":       {[]store.Layer{layerOf(oldSparse(1 << 40))}, "more than 1MiB"},
		"a sparse file, PAX":       {[]store.Layer{layerOf(paxSparse(1 << 40))}, "more than 1MiB"},
		"a size that lies":         {[]store.Layer{layerOf(lyingSize())}, "unexpected EOF"},
		"many entries":             {layers(t, many), "more than 100 entries"},
		"entries of many layers":   {layers(t, many[:60], many[:60]), "more than 100 entries"},
		"whiteouts are entries":    {layers(t, whiteouts(101)), "more than 100 entries"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := rootDir(t)
			_, err := Flatten(t.Context(), dir, tt.layers, small)
			if tt.want == "unexpected EOF" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v", err)
				}
			} else {
				wantLimit(t, err, tt.want)
			}
			if got := listing(t, dir); got != "" {
				t.Errorf("left %.100s", got)
			}
		})
	}
}

func whiteouts(n int) []item {
	var all []item
	for i := range n {
		all = append(all, file(fmt.Sprintf(".wh.%d", i), ""))
	}
	return all
}

// lyingSize is an archive that ends long before its file does.
func lyingSize() []byte {
	b := plainTar([]member{{tar.TypeReg, "f", "x"}})
	copy(b[124:136], "00003777777\x00")
	fixSum(b)
	return b
}

// oldSparse is a file in the old GNU format: 5 bytes of data at the front of size.
func oldSparse(size int64) []byte {
	b := plainTar([]member{{tar.TypeGNUSparse, "sparse", "data\n"}})
	copy(b[257:265], "ustar  \x00")
	copy(b[386:], "00000000000\x00"+"00000000005\x00") // GNU tar manual: the first of four pairs
	copy(b[483:], base256(size))
	fixSum(b)
	return b
}

// base256 is how GNU tar writes numbers that are too large for octal.
func base256(n int64) []byte {
	b := make([]byte, 12)
	for i := 11; i > 3; i-- {
		b[i] = byte(n)
		n >>= 8
	}
	b[0] = 0x80
	return b
}

// paxSparse is the same file in format 1.0: the map is the first block of the data.
func paxSparse(size int64) []byte {
	m := "1\n0\n5\n"
	body := m + strings.Repeat("\x00", 512-len(m)) + "data\n"
	records := ""
	for _, r := range []string{"GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=sparse", fmt.Sprint("GNU.sparse.realsize=", size)} {
		n := len(r) + 4 // two digits, a space, a newline
		records += fmt.Sprintf("%d %s\n", n, r)
	}
	return plainTar([]member{{tar.TypeXHeader, "PaxHeaders/sparse", records}, {tar.TypeReg, "GNUSparseFile.0/sparse", body}})
}

// A member of an archive that archive/tar would not write as it is.
type member struct {
	kind       byte
	name, body string
}

// plainTar writes ustar headers and bodies.
func plainTar(members []member) []byte {
	var out []byte
	for _, m := range members {
		h := make([]byte, 512)
		copy(h, m.name)
		copy(h[100:], "0000644\x000000000\x000000000\x00")
		copy(h[124:], fmt.Sprintf("%011o\x00%011o\x00", len(m.body), someTime().Unix()))
		h[156] = m.kind
		copy(h[257:], "ustar\x0000")
		fixSum(h)
		out = append(out, h...)
		out = append(out, m.body...)
		out = append(out, make([]byte, (512-len(m.body)%512)%512)...)
	}
	return append(out, make([]byte, 1024)...)
}

// TestSparse: what GNU tar stores of a file with holes comes out whole.
func TestSparse(t *testing.T) {
	const size = 64 << 20
	for name, b := range map[string][]byte{"GNU": oldSparse(size), "PAX": paxSparse(size)} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(flattened(t, Options{}, layerOf(b)), "sparse")
			got, err := os.ReadFile(path)
			if err != nil || len(got) != size || string(got[:5]) != "data\n" || len(bytes.Trim(got[5:], "\x00")) > 0 {
				t.Errorf("%d bytes, %.20q, %v", len(got), got, err)
			}
			if used := lstat(t, path).Blocks * 512; used > 128<<10 {
				t.Errorf("takes %d bytes on the disk", used)
			}
		})
	}
}
