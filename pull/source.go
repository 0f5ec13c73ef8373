package pull

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/learnbox/learnbox/pull/store"
)

// A source is a repository at one endpoint. The first request finds out how
// the registry wants to be asked: the scheme, and which credentials.
type source struct {
	endpoint endpoint
	path     string // of the repository: library/alpine
	pace     pace
	base     *http.Transport
	plain    atomic.Bool

	mu     sync.Mutex
	client *http.Client
	err    error // of the connection, for those who come later
}

type sources struct{ all []*source }

func (p *puller) sources(ctx context.Context) (*sources, error) {
	ends, err := endpoints(ctx, p.ref, p.o.Registries)
	if err != nil {
		return nil, err
	}
	var s sources
	for _, e := range ends {
		s.all = append(s.all, &source{
			endpoint: e, path: p.ref.Path, pace: p.pace, base: newTransport(e, p.pace),
		})
	}
	return &s, nil
}

func (s *sources) close() {
	for _, src := range s.all {
		src.base.CloseIdleConnections()
	}
}

// String is the address in words for the user.
func (s *source) String() string {
	if s.plain.Load() {
		return "http://" + s.endpoint.host
	}
	return s.endpoint.url
}

func (s *source) connect(ctx context.Context) (*http.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil || s.err != nil {
		return s.client, s.err
	}
	repo := s.endpoint.registry.Repo(s.path)
	auth, err := authn.Resolve(ctx, authn.DefaultKeychain, repo)
	if err != nil {
		return nil, &failure{
			what: "Docker's credentials cannot be read: " + err.Error(),
			hint: "see credsStore and credHelpers in ~/.docker/config.json", err: err,
		}
	}
	var rt http.RoundTripper = gate{e: s.endpoint, inner: s.base, plain: &s.plain}
	rt = retrier{inner: watch{inner: rt, stall: s.pace.stall}, pace: s.pace}
	rt = transport.NewUserAgent(rt, "learnbox")
	rt, err = transport.NewWithContext(ctx, s.endpoint.registry, auth, rt, []string{repo.Scope(transport.PullScope)})
	if err != nil {
		if ctx.Err() == nil {
			s.err = err
		}
		return nil, err
	}
	s.client = &http.Client{Transport: rt, CheckRedirect: redirect}
	return s.client, nil
}

// do sends one request. The answer's status is one of ok; the caller closes its body.
func (s *source) do(ctx context.Context, method, path string, header http.Header, ok ...int) (*http.Response, error) {
	client, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	url := fmt.Sprintf("https://%s/v2/%s/%s", s.endpoint.host, s.path, path) // the client puts http where it must
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, err
	}
	maps.Copy(req.Header, header)
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if err := transport.CheckError(resp, ok...); err != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	return resp, nil
}

// document reads a manifest, an index or a config. A connection that breaks in
// the middle is worth another try.
func (s *source) document(ctx context.Context, path, accept string) (data []byte, contentType string, err error) {
	header := http.Header{}
	if accept != "" {
		header.Set("Accept", accept)
	}
	for n := 1; ; n++ {
		resp, err := s.do(ctx, http.MethodGet, path, header, http.StatusOK)
		if err != nil {
			return nil, "", err
		}
		contentType = resp.Header.Get("Content-Type")
		data, err = io.ReadAll(io.LimitReader(resp.Body, store.MaxDocument+1))
		err = errors.Join(err, resp.Body.Close())
		switch {
		case err == nil:
			return data, contentType, checkDocument(data, contentType)
		case ctx.Err() != nil:
			return nil, "", context.Cause(ctx)
		case n >= s.pace.attempts || isTimeout(err) && n >= s.pace.stalls:
			return nil, "", err
		}
		if err := sleep(ctx, s.pace.backoff(n)); err != nil {
			return nil, "", err
		}
	}
}

func checkDocument(data []byte, contentType string) error {
	if len(data) > store.MaxDocument {
		return fmt.Errorf("the document is larger than %d MiB", store.MaxDocument>>20)
	}
	if isHTML(contentType) || bytes.HasPrefix(bytes.TrimSpace(data), []byte("<")) {
		return htmlFailure()
	}
	return nil
}

func isHTML(contentType string) bool { return strings.HasPrefix(contentType, "text/html") }

func htmlFailure() error {
	return &failure{
		what: "it answered with a web page",
		hint: "a proxy or a login page may stand between; try the address in a browser",
	}
}
