package unpack

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"strings"

	"golang.org/x/sys/unix"
)

// holeSize is the least run of zeros that is left out of a file. It divides
// copySize, so runs are found wherever the stream happens to be cut.
const holeSize = 64 << 10

// isSparse reports whether the entry stores less than the file holds: the old GNU
// format is a type of its own, the newer ones are PAX records (GNU tar manual,
// "Storing Sparse Files").
func isSparse(h *tar.Header) bool {
	if h.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for record := range h.PAXRecords {
		if strings.HasPrefix(record, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// copyBody writes the size bytes of an entry to fd. Long runs of zeros become
// holes, whether the archive stores them or, for a sparse entry, archive/tar makes
// them up: a hole reads as zeros and costs nothing.
func (u *unpacker) copyBody(fd int, size int64, body io.Reader) error {
	var at int64  // in the file
	var hole bool // the file ends in a hole so far
	for at < size {
		n, err := io.ReadFull(body, u.buf[:min(size-at, copySize)])
		if err != nil {
			return fmt.Errorf("read the archive: %w", noEOF(err))
		}
		for chunk := u.buf[:n]; len(chunk) > 0; {
			var run int
			run, hole = nextRun(chunk)
			if !hole {
				if err := writeAt(fd, chunk[:run], at); err != nil {
					return err
				}
			}
			at += int64(run)
			chunk = chunk[run:]
		}
	}
	if hole {
		return failed(unix.Ftruncate(fd, size), "ftruncate(%d)", size)
	}
	return nil
}

// nextRun returns how far b goes on as it starts: as zeros, or as anything else.
// What is not a whole number of holes is never zeros.
func nextRun(b []byte) (n int, zero bool) {
	zero = isHole(b)
	for n < len(b) && isHole(b[n:]) == zero {
		n += min(holeSize, len(b)-n)
	}
	return n, zero
}

// isHole reports whether b starts with a run of zeros long enough. It gives up at
// the first other byte, so it costs nothing on files without.
func isHole(b []byte) bool {
	if len(b) < holeSize || b[0] != 0 {
		return false
	}
	b = b[:holeSize]
	return bytes.Equal(b[:len(b)-1], b[1:]) // all bytes are like the first
}

func writeAt(fd int, b []byte, at int64) error {
	for len(b) > 0 {
		var n int
		err := retry(func() (err error) {
			n, err = unix.Pwrite(fd, b, at)
			return err
		})
		if err != nil {
			return failed(err, "pwrite64(%d bytes at %d)", len(b), at)
		}
		b, at = b[n:], at+int64(n)
	}
	return nil
}
