package pull

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	registryname "github.com/google/go-containerregistry/pkg/name"

	"github.com/learnbox/learnbox/pull/name"
)

// dockerHub is the registry whose name is left out, in references; its host is
// another one, which the registry client knows.
const dockerHub = "docker.io"

// An endpoint is one place to ask for an image.
type endpoint struct {
	url      string // as the user knows it: "http://127.0.0.1:5000"
	host     string // host[:port]
	https    bool   // may be asked over TLS; tried first
	http     bool   // may be asked in the clear
	anyCert  bool   // over TLS, whatever certificate it shows
	registry registryname.Registry
}

// endpoints returns where ref can be asked for, in order.
func endpoints(ctx context.Context, ref name.Ref, r Registries) ([]endpoint, error) {
	var all []endpoint
	if ref.Domain == "" {
		// The client would ask Docker Hub, and tell it what a private registry has.
		host, _, _ := strings.Cut(ref.Path, "/")
		return nil, &failure{what: host + " is no name of a host", hint: "it has letters, digits, dots and dashes"}
	}
	if ref.Domain == dockerHub {
		for _, m := range r.Mirrors {
			e, err := mirror(ctx, m, r.Insecure)
			if err != nil {
				return nil, fmt.Errorf("registry mirror %q: %w", m, err)
			}
			all = append(all, e)
		}
	}
	own, err := newEndpoint(ctx, ref.Domain, r.Insecure)
	if err != nil {
		return nil, err
	}
	return append(all, own), nil
}

// newEndpoint is a registry that is given by name alone.
func newEndpoint(ctx context.Context, host string, insecure []string) (endpoint, error) {
	lax := isInsecure(ctx, host, insecure)
	return endpoint{host: host, https: true, http: lax, anyCert: lax}.complete()
}

// mirror reads a mirror's URL. Its scheme is an order: http is not tried over TLS
// first and https is never given up for http.
func mirror(ctx context.Context, s string, insecure []string) (endpoint, error) {
	if !strings.Contains(s, "://") {
		return newEndpoint(ctx, s, insecure)
	}
	u, err := url.Parse(s)
	if err != nil {
		return endpoint{}, err
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return endpoint{}, &failure{what: "not a mirror's address", hint: "it reads http://HOST[:PORT] or https://HOST[:PORT]"}
	}
	e := endpoint{host: u.Host, https: u.Scheme == "https", http: u.Scheme == "http"}
	e.anyCert = e.https && isInsecure(ctx, u.Host, insecure)
	return e.complete()
}

func (e endpoint) complete() (endpoint, error) {
	opts := []registryname.Option{registryname.WeakValidation}
	if e.http {
		// Without it, the client asks loopback and RFC 1918 addresses over
		// both schemes; the gate in transport.go has the last word anyway.
		opts = append(opts, registryname.Insecure)
	}
	reg, err := registryname.NewRegistry(e.host, opts...)
	if err != nil {
		return endpoint{}, err
	}
	e.registry = reg
	e.host = reg.RegistryStr()
	e.url = "https://" + e.host
	if !e.https {
		e.url = "http://" + e.host
	}
	return e, nil
}

// isInsecure reports whether host may be asked without TLS or with a
// certificate that nobody vouches for: loopback, where nobody can listen in,
// and what the user listed. As in Docker, a listed network also covers names
// whose addresses lie in it.
func isInsecure(ctx context.Context, host string, listed []string) bool {
	bare := hostOnly(host)
	if isLoopback(bare) {
		return true
	}
	var nets []netip.Prefix
	for _, entry := range listed {
		if p, err := netip.ParsePrefix(entry); err == nil {
			nets = append(nets, p.Masked())
			continue
		}
		entry = strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(entry, "http://"), "https://"), "/")
		if strings.EqualFold(entry, host) || strings.EqualFold(entry, bare) {
			return true
		}
	}
	if len(nets) == 0 {
		return false
	}
	for _, a := range addresses(ctx, bare) {
		for _, n := range nets {
			if n.Contains(a) {
				return true
			}
		}
	}
	return false
}

func addresses(ctx context.Context, host string) []netip.Addr {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}
	}
	// A name that cannot be looked up lies in no network; asking it will tell why.
	found, _ := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	for i := range found {
		found[i] = found[i].Unmap()
	}
	return found
}

func hostOnly(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		return h
	}
	return strings.Trim(host, "[]")
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// isPrivate reports whether host is an address that only means something near
// the machine that uses it.
func isPrivate(host string) bool {
	a, err := netip.ParseAddr(host)
	if err != nil {
		return host == "localhost"
	}
	a = a.Unmap()
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsUnspecified()
}
