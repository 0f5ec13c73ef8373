package name

import (
	_ "crypto/sha256" // go-digest knows a hash only when it is linked in
	_ "crypto/sha512"
	"fmt"
	"strings"

	digest "github.com/opencontainers/go-digest"
)

const (
	lower    = "abcdefghijklmnopqrstuvwxyz"
	upper    = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits   = "0123456789"
	hexLower = digits + "abcdef"
)

// The longest path and the longest tag, in characters.
const (
	maxPath = 255
	maxTag  = 128
)

// Parse reads what a user typed, by Docker's rules. Every error has a method Hint.
func Parse(word string) (Ref, error) {
	if len(word) == digest.SHA256.Size()*2 && consists(word, hexLower) {
		return Ref{}, &parseError{
			word: word,
			what: fmt.Sprintf("invalid repository name (%s), cannot specify 64-byte hexadecimal strings", word),
			hint: "this is an ID, and a registry wants a name",
		}
	}
	domain, rest := splitDomain(word)
	rest, sum, hasDigest := strings.Cut(rest, "@")
	path, tag, hasTag := strings.Cut(rest, ":")
	r := Ref{Domain: domain, Path: path, Tag: tag, Digest: digest.Digest(sum)}
	if !isDomain(domain) {
		r.Domain, r.Path = "", domain+"/"+path
	}
	switch {
	case strings.ToLower(path) != path:
		what := fmt.Sprintf("repository name (%s) must be lowercase", path)
		r.Path = strings.ToLower(r.Path)
		return Ref{}, &parseError{word, what, "write it in lower case: " + r.Familiar()}
	case !isPath(r.Path):
		return Ref{}, &parseError{word: word, what: invalid}
	case len(r.Path) > maxPath:
		return Ref{}, &parseError{word: word, what: fmt.Sprintf("repository name must not be more than %d characters", maxPath)}
	case hasTag && !isTag(tag):
		return Ref{}, &parseError{word, invalid, "a tag has letters, digits, _ . and -, 128 at most, and begins with none of . and -"}
	case hasDigest:
		if err := r.Digest.Validate(); err != nil {
			return Ref{}, &parseError{word, err.Error(), "a digest is sha256: and 64 hexadecimal digits in lower case"}
		}
	case !hasTag:
		r.Tag = latest
	}
	return r, nil
}

// splitDomain cuts the registry off a word, or says what Docker takes for it.
func splitDomain(word string) (domain, rest string) {
	domain, rest, found := strings.Cut(word, "/")
	switch {
	case !found:
		return dockerHub, official + word
	case domain == legacyHub:
		domain = dockerHub
	case domain != localhost && !strings.ContainsAny(domain, ".:") && strings.ToLower(domain) == domain:
		return dockerHub, word
	}
	if domain == dockerHub && !strings.Contains(rest, "/") {
		rest = official + rest
	}
	return domain, rest
}

// isDomain knows a host with an optional port: a DNS name, an IPv4 address, which
// has the form of one, or an IPv6 address in brackets. Whether that host can
// exist is left to whoever connects to it.
func isDomain(s string) bool {
	host, port, hasPort := strings.Cut(s, ":")
	if strings.HasPrefix(s, "[") {
		address, after, closed := strings.Cut(s[1:], "]")
		host, port, hasPort = strings.Cut(after, ":")
		if !closed || host != "" || !consists(address, hexLower+"ABCDEF:") {
			return false
		}
	} else {
		for label := range strings.SplitSeq(host, ".") {
			if !consists(label, lower+upper+digits+"-") || label[0] == '-' || label[len(label)-1] == '-' {
				return false
			}
		}
	}
	return !hasPort || consists(port, digits)
}

// isPath knows the components of a path, which are parted by slashes.
func isPath(s string) bool {
	for component := range strings.SplitSeq(s, "/") {
		if !isComponent(component) {
			return false
		}
	}
	return true
}

// isComponent knows runs of letters and digits with separators between them: one
// dot, one or two underscores, or any number of dashes.
func isComponent(s string) bool {
	for {
		rest := strings.TrimLeft(s, lower+digits)
		switch {
		case rest == s: // no run: s is empty or begins with something else
			return false
		case rest == "":
			return true
		case strings.HasPrefix(rest, "__"):
			s = rest[2:]
		case rest[0] == '_', rest[0] == '.':
			s = rest[1:]
		case rest[0] == '-':
			s = strings.TrimLeft(rest, "-")
		default:
			return false
		}
	}
}

func isTag(s string) bool {
	const word = lower + upper + digits + "_"
	return len(s) <= maxTag && consists(s, word+".-") && consists(s[:1], word)
}

// consists reports whether s has characters of set only, and at least one.
func consists(s, set string) bool { return s != "" && strings.Trim(s, set) == "" }
