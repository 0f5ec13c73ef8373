package pull

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	registryname "github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/learnbox/learnbox/pull/name"
)

// ErrNotFound reports that a registry does not have the image.
var ErrNotFound = errors.New("not found")

// A failure is why something went wrong, in words for the user.
type failure struct {
	what string // "connection refused"
	hint string // "" if we know no way out
	err  error  // for errors.Is and As
}

func (f *failure) Error() string { return f.what }
func (f *failure) Unwrap() error { return f.err }

// Hint says what to do about it; "" if we do not know.
func (f *failure) Hint() string { return f.hint }

// A pullError is a whole pull that failed.
type pullError struct {
	ref name.Ref
	err error
}

func (e *pullError) Error() string { return fmt.Sprintf("pull %s: %v", e.ref, e.err) }
func (e *pullError) Unwrap() error { return e.err }

func wrap(ref name.Ref, err error) error { return &pullError{ref, err} }

// An askedError is what one registry, or several in turn, had to say.
type askedError struct {
	urls []string
	errs []error // one for each url
}

// Error puts registries that said the same together:
// "not found (asked A, B); connection refused (asked C)".
func (e *askedError) Error() string {
	var parts []string
	said := map[string]bool{}
	for _, err := range e.errs {
		what := err.Error()
		if said[what] {
			continue
		}
		said[what] = true
		var asked []string
		for j, other := range e.errs {
			if other.Error() == what {
				asked = append(asked, e.urls[j])
			}
		}
		parts = append(parts, what+" (asked "+strings.Join(asked, ", ")+")")
	}
	return strings.Join(parts, "; ")
}

func (e *askedError) Unwrap() []error { return e.errs }

// Hint is the first one that any of them gives.
func (e *askedError) Hint() string {
	for _, err := range e.errs {
		var h interface{ Hint() string }
		if errors.As(err, &h) && h.Hint() != "" {
			return h.Hint()
		}
	}
	return ""
}

// explain turns what the network and the registry client report into a failure.
func explain(err error, registry string) error {
	var hinted interface{ Hint() string }
	var status *transport.Error
	switch {
	case errors.As(err, &hinted), errors.Is(err, context.Canceled): // explained already
		return err
	case errors.As(err, &status):
		return explainStatus(status, registry)
	default:
		return explainNetwork(err, registry)
	}
}

func explainStatus(e *transport.Error, registry string) error {
	f := &failure{err: e}
	login := "log in with docker login " + registry + " (learnbox uses Docker's credentials)"
	if registry == registryname.DefaultRegistry {
		login = "log in with docker login (learnbox uses Docker's credentials)"
	}
	switch code := e.StatusCode; {
	case code == http.StatusNotFound && e.Request != nil && strings.HasSuffix(e.Request.URL.Path, "/v2/"):
		f.what = "this is no registry: /v2/ is not found"
	case code == http.StatusNotFound:
		f.what, f.err = ErrNotFound.Error(), errors.Join(ErrNotFound, e)
		f.hint = "check the spelling of the name and the tag"
	case code == http.StatusUnauthorized:
		f.what = "access denied, or there is no such repository"
		f.hint = "check the spelling, or " + login
	case code == http.StatusForbidden:
		f.what, f.hint = "access forbidden", login
	case code == http.StatusTooManyRequests:
		f.what = "too many requests, the registry wants a pause"
		f.hint = "try again later, " + login + ", or use a mirror (registry-mirrors)"
	case code >= http.StatusInternalServerError:
		f.what = fmt.Sprintf("the registry is in trouble: %d %s", code, http.StatusText(code))
		f.hint = "try again later"
	default:
		f.what = fmt.Sprintf("the registry answered %d %s", code, http.StatusText(code))
	}
	if len(e.Errors) > 0 && e.StatusCode != http.StatusNotFound && e.Errors[0].Message != "" {
		f.what += ": " + printable(e.Errors[0].Message)
	}
	return f
}

func explainNetwork(err error, registry string) error {
	f := &failure{err: err}
	var dns *net.DNSError
	var op *net.OpError
	var badCert *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var stall *stallError
	insecure := fmt.Sprintf("if that is as it should be, add %s to insecure-registries", registry)
	switch {
	case errors.As(err, &stall):
		f.what = stall.Error()
	case errors.As(err, &dns):
		f.what, f.hint = "no such host: "+dns.Name, "check the network and the name of the registry"
		if dns.IsTimeout || dns.IsTemporary {
			f.what = "the name " + dns.Name + " cannot be looked up"
		}
	case errors.As(err, &badCert), errors.As(err, &unknown):
		f.what, f.hint = "its certificate is not trusted: "+unwrapURL(err).Error(), insecure
	case errors.Is(err, http.ErrSchemeMismatch):
		f.what, f.hint = "it speaks plain HTTP, and HTTPS is wanted", insecure
	case errors.As(err, &op):
		f.what = op.Err.Error()
		if call, ok := errors.AsType[*os.SyscallError](op.Err); ok {
			f.what = call.Err.Error()
		}
		if op.Timeout() {
			f.what = "no connection in time"
		}
	default:
		f.what = unwrapURL(err).Error()
	}
	return f
}

// unwrapURL takes net/http's `Get "https://…": ` off an error: the address is
// long, may hold a token, and whom we asked is said elsewhere.
func unwrapURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// printable makes a message of a registry fit for one line of a terminal.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
	if r := []rune(s); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return s
}

// A stallError is a peer from whom nothing came for too long.
type stallError struct{ after time.Duration }

func (e *stallError) Error() string { return fmt.Sprintf("no answer for %v", e.after) }

// Timeout makes it a net.Error of that kind.
func (e *stallError) Timeout() bool { return true }
