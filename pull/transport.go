package pull

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

var errPlainHTTP = errors.New("plain HTTP is not allowed here")

// newTransport returns the lowest floor: connections to one endpoint and to
// whoever it sends us on to.
func newTransport(e endpoint, p pace) *http.Transport {
	dialer := &net.Dialer{Timeout: p.dial}
	return &http.Transport{
		Proxy:       http.ProxyFromEnvironment,
		DialContext: dialer.DialContext,
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			InsecureSkipVerify: e.anyCert, //nolint:gosec // only for loopback and what the user listed as insecure
		},
		TLSHandshakeTimeout:   p.dial,
		ExpectContinueTimeout: time.Second,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   p.atOnce,
		// Layers are compressed, and a digest is of the bytes as they are.
		DisableCompression: true,
		ReadBufferSize:     64 << 10,
	}
}

// A gate lets only those requests through whose scheme the endpoint allows. The
// registry client has rules of its own for when plain HTTP is fine; these are ours.
type gate struct {
	e     endpoint
	inner http.RoundTripper
	plain *atomic.Bool // the endpoint answered over plain HTTP
}

// RoundTrip sends the request or refuses it.
func (g gate) RoundTrip(req *http.Request) (*http.Response, error) {
	own := req.URL.Host == g.e.host
	if req.URL.Scheme == "http" && !g.e.http {
		return nil, errPlainHTTP
	}
	if own && req.URL.Scheme == "https" && !g.e.https {
		return nil, errors.New("the mirror's address says http")
	}
	resp, err := g.inner.RoundTrip(req)
	if err == nil && own {
		g.plain.Store(req.URL.Scheme == "http")
	}
	return resp, err
}

// redirect decides where an endpoint may send us: not from TLS to plain HTTP,
// which the gate refuses, and not from the internet to an address inside the
// user's own network, where the answer would come from a machine that the
// registry could not reach itself (server-side request forgery).
func redirect(req *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return errors.New("the registry redirects in circles")
	}
	from, to := via[0].URL.Hostname(), req.URL.Hostname()
	if to != from && isPrivate(to) && !isPrivate(from) {
		return fmt.Errorf("the registry redirects to the private address %s", to)
	}
	return nil
}

// A watch gives up on a peer from which nothing comes for some time: no
// connection, no header, or no next byte of the body.
type watch struct {
	inner http.RoundTripper
	stall time.Duration
}

// RoundTrip sends the request; the body of the answer is watched, too.
func (w watch) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	timer := time.AfterFunc(w.stall, func() { cancel(&stallError{w.stall}) })
	resp, err := w.inner.RoundTrip(req.WithContext(ctx))
	timer.Stop()
	if err != nil {
		err = stalled(ctx, err)
		cancel(nil)
		return nil, err
	}
	resp.Request = req // without the inner context, which ends with the body
	resp.Body = &watchedBody{
		ReadCloser: resp.Body, w: w, timer: timer, cancel: cancel,
		cause: func() error { return context.Cause(ctx) },
	}
	return resp, nil
}

// stalled returns why ctx ended if that was the watch, else err.
func stalled(ctx context.Context, err error) error {
	if stall, ok := errors.AsType[*stallError](context.Cause(ctx)); ok {
		return stall
	}
	return err
}

type watchedBody struct {
	io.ReadCloser
	w      watch
	timer  *time.Timer
	cancel context.CancelCauseFunc
	cause  func() error
}

// Read runs the timer only while it waits for the peer: how long our side takes
// with the bytes is not the peer's fault.
func (b *watchedBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.w.stall)
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	if stall, ok := errors.AsType[*stallError](b.cause()); ok && err != nil {
		err = stall
	}
	return n, err
}

// Close ends the request.
func (b *watchedBody) Close() error {
	b.timer.Stop()
	b.cancel(nil)
	return b.ReadCloser.Close()
}
