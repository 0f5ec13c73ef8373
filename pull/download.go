package pull

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/learnbox/learnbox/pull/store"
)

// bufferSize bounds one read from the network. Four layers at once cost four of these.
const bufferSize = 256 << 10

// progress is how many bytes an interrupted answer must have brought to count
// as one that works. A registry that hands out a byte at a time does not.
const progress = 64 << 10

// tellEvery is how often a download reports its progress at most.
const tellEvery = 50 * time.Millisecond

// A download brings one blob into its Ingest.
type download struct {
	p    *puller
	desc v1.Descriptor
	to   *store.Ingest
	from []*source
	buf  []byte
}

// errRange reports a server whose answer does not continue what we have.
var errRange = errors.New("the registry's answer does not continue the download")

// run brings the blob in full and commits it. Bytes that were joined from
// several answers and have the wrong digest are dropped and fetched once more
// in one piece; bytes from one answer are what the registry has.
func (d *download) run(ctx context.Context) error {
	joined := d.to.Offset() > 0
	for {
		more, err := d.fill(ctx)
		joined = joined || more
		if err == nil {
			d.tell(Verifying)
			err = d.to.Commit()
		}
		var wrong *store.DigestError
		if errors.As(err, &wrong) || errors.Is(err, errRange) {
			// Wrong bytes must not be what the next pull resumes.
			if err := d.to.Reset(); err != nil {
				return err
			}
			if joined {
				joined = false
				continue
			}
		}
		return err
	}
}

// fill gets all bytes, from the first source that has them. It reports whether
// they came in more than one piece.
func (d *download) fill(ctx context.Context) (joined bool, err error) {
	var asked askedError
	for _, s := range d.from {
		more, err := d.fillFrom(ctx, s)
		joined = joined || more
		if err == nil || ctx.Err() != nil || errors.Is(err, errRange) {
			return joined, errors.Join(err, context.Cause(ctx))
		}
		asked.urls = append(asked.urls, s.String())
		asked.errs = append(asked.errs, explain(err, s.endpoint.host))
		joined = joined || d.to.Offset() > 0
	}
	return joined, &asked
}

// fillFrom gets the bytes that are missing from one source, and goes on after
// interruptions as long as each attempt brings something or only a few do not.
func (d *download) fillFrom(ctx context.Context, s *source) (joined bool, err error) {
	idle, stalls := 0, 0
	for d.to.Offset() < d.desc.Size {
		before := d.to.Offset()
		err := d.piece(ctx, s)
		if err == nil {
			break
		}
		var broken *brokenError
		if !errors.As(err, &broken) || ctx.Err() != nil {
			return joined, err
		}
		joined = true
		idle++
		if d.to.Offset()-before >= progress {
			idle, stalls = 1, 0
		}
		if isTimeout(err) {
			stalls++
		}
		if idle >= s.pace.attempts || stalls >= s.pace.stalls {
			return joined, err
		}
		if err := sleep(ctx, s.pace.backoff(idle)); err != nil {
			return joined, err
		}
	}
	return joined, nil
}

// A brokenError is an answer that began well and broke off: worth continuing.
type brokenError struct{ err error }

func (e *brokenError) Error() string { return "the download broke off: " + explain(e.err, "").Error() }
func (e *brokenError) Unwrap() error { return e.err }

// piece gets the missing bytes in one request, as far as it goes.
func (d *download) piece(ctx context.Context, s *source) error {
	header := http.Header{}
	if off := d.to.Offset(); off > 0 {
		// RFC 9110, section 14.2. Some registries want the end to be named.
		header.Set("Range", fmt.Sprintf("bytes=%d-%d", off, d.desc.Size-1))
	}
	resp, err := s.do(ctx, http.MethodGet, "blobs/"+d.desc.Digest.String(), header,
		http.StatusOK, http.StatusPartialContent, http.StatusRequestedRangeNotSatisfiable)
	if err != nil {
		return d.foreign(err)
	}
	defer resp.Body.Close()
	if err := d.accept(resp); err != nil {
		return err
	}
	if resp.StatusCode == http.StatusOK {
		// Whoever reads along has read what we have, so keep that; whether the
		// rest fits is for the digest to say.
		if _, err := io.CopyN(io.Discard, resp.Body, d.to.Offset()); err != nil {
			return &brokenError{err}
		}
	}
	if err := d.copy(resp.Body); err != nil {
		return err
	}
	if d.to.Offset() < d.desc.Size {
		return &brokenError{io.ErrUnexpectedEOF}
	}
	return nil
}

// accept checks the header of an answer, before the first byte is used.
func (d *download) accept(resp *http.Response) error {
	off := d.to.Offset()
	switch resp.StatusCode {
	case http.StatusRequestedRangeNotSatisfiable:
		return errRange
	case http.StatusPartialContent:
		var from, to int64
		_, err := fmt.Sscanf(resp.Header.Get("Content-Range"), "bytes %d-%d/", &from, &to)
		if err != nil || from != off {
			return errRange
		}
	default:
		if isHTML(resp.Header.Get("Content-Type")) {
			return htmlFailure()
		}
		off = 0 // if we asked for a range, the server does not know that and begins again
	}
	if n := resp.ContentLength; n >= 0 && off+n != d.desc.Size {
		if resp.StatusCode == http.StatusPartialContent && off+n < d.desc.Size {
			return nil // a server may send less than was asked for
		}
		return &store.SizeError{Want: d.desc.Size, Got: off + n}
	}
	return nil
}

// copy appends body to the blob. An error of the network is a *brokenError.
func (d *download) copy(body io.Reader) error {
	if d.buf == nil {
		d.buf = make([]byte, bufferSize)
	}
	var told time.Time
	for {
		n, err := body.Read(d.buf)
		if n > 0 {
			if _, err := d.to.Write(d.buf[:n]); err != nil {
				return err
			}
			if now := time.Now(); now.Sub(told) >= tellEvery {
				told = now
				d.tell(Downloading)
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return &brokenError{err}
		}
	}
}

// foreign explains why a layer that only its publisher may hand out is missing.
func (d *download) foreign(err error) error {
	if len(d.desc.URLs) > 0 || strings.Contains(d.desc.MediaType, "foreign") ||
		strings.Contains(d.desc.MediaType, "nondistributable") {
		return &failure{
			what: "the registry does not hand out this layer, and learnbox does not follow addresses inside an image",
			err:  err,
		}
	}
	return err
}

func (d *download) tell(ph Phase) {
	d.p.progress(Progress{Layer: d.desc.Digest, Phase: ph, Current: d.to.Offset(), Total: d.desc.Size})
}
