package pull

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A pace says how fast, how often and how long.
type pace struct {
	atOnce   int           // layers that arrive at the same time
	dial     time.Duration // longest wait for a connection
	stall    time.Duration // longest wait for the next byte
	attempts int           // requests until a registry's momentary trouble counts as lasting
	stalls   int           // the same for a registry that hangs, where each one costs a stall
	first    time.Duration // pause before the second attempt; doubled each time
	longest  time.Duration // pause before any attempt
	asked    time.Duration // longest pause that a registry may ask for (Retry-After)
}

func defaultPace() pace {
	return pace{
		atOnce: 4,
		dial:   10 * time.Second, stall: 30 * time.Second,
		attempts: 5, stalls: 2,
		first: 500 * time.Millisecond, longest: 10 * time.Second, asked: time.Minute,
	}
}

// backoff returns the pause after the nth attempt failed: it doubles each time
// and varies by half, so that clients that failed together do not come back
// together.
func (p pace) backoff(n int) time.Duration {
	d := p.longest
	if n < 20 {
		d = min(p.first<<(n-1), p.longest)
	}
	return d/2 + rand.N(d/2+1) //nolint:gosec // jitter is not a secret
}

// sleep waits for d or for the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// A retrier asks again when the answer, or its absence, is likely to change by
// itself. It sits below authentication, so pings and tokens profit as well.
type retrier struct {
	inner http.RoundTripper
	pace  pace
}

// RoundTrip sends the request until the answer is worth passing on.
func (r retrier) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	stalls := 0
	for n := 1; ; n++ {
		resp, err := r.inner.RoundTrip(req)
		if ctx.Err() != nil || n >= r.pace.attempts || req.Body != nil && req.Body != http.NoBody {
			return resp, err
		}
		var wait time.Duration
		switch {
		case isTimeout(err):
			if stalls++; stalls >= r.pace.stalls {
				return resp, err
			}
		case err != nil:
			if !isBroken(err) {
				return resp, err
			}
			wait = r.pace.backoff(n)
		default:
			var again bool
			if wait, again = r.after(resp, n); !again {
				return resp, nil
			}
			// A short rest is read so that the connection can be used again.
			_, _ = io.CopyN(io.Discard, resp.Body, 4<<10)
			_ = resp.Body.Close()
		}
		if err := sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// after tells whether an answer is worth asking again for, and after which
// pause. A registry that asks for a longer one than we are ready to make gets
// no further request: the user is told at once rather than left waiting.
func (r retrier) after(resp *http.Response, n int) (time.Duration, bool) {
	switch resp.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
	default:
		return 0, false
	}
	wait := r.pace.backoff(n)
	if asked, ok := retryAfter(resp.Header.Get("Retry-After")); ok {
		wait = max(wait, asked)
	}
	return wait, wait <= max(r.pace.asked, r.pace.longest)
}

// retryAfter reads seconds or a date (RFC 9110, section 10.2.3).
func retryAfter(s string) (time.Duration, bool) {
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		return time.Duration(n) * time.Second, true
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(0, time.Until(t)), true
	}
	return 0, false
}

func isTimeout(err error) bool {
	_, ok := errors.AsType[*stallError](err)
	return ok
}

// isBroken reports whether err is a connection that was there and broke, as
// opposed to one that could not be made or was not trusted.
func isBroken(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Op == "read" || op.Op == "write"
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		// net/http does not export the types of its HTTP/2 errors.
		strings.Contains(err.Error(), "http2: ") || strings.Contains(err.Error(), "stream error: ")
}
