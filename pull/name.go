package pull

import (
	"errors"
	"fmt"
	"strings"

	"github.com/distribution/reference"
)

// ParseName applies Docker's rules for names: "alpine" is
// docker.io/library/alpine:latest. The result has a tag, a digest, or both.
func ParseName(s string) (reference.Named, error) {
	ref, err := reference.ParseNormalizedNamed(s)
	if err != nil {
		return nil, &nameError{name: s, err: err}
	}
	return reference.TagNameOnly(ref), nil
}

// A nameError is a word that cannot be an image's name.
type nameError struct {
	name string
	err  error
}

func (e *nameError) Error() string {
	return fmt.Sprintf("image name %q: %s", e.name, strings.TrimPrefix(e.err.Error(), "invalid reference format: "))
}

func (e *nameError) Unwrap() error { return e.err }

// Hint says what is wrong, for the usual mistakes.
func (e *nameError) Hint() string {
	switch {
	case e.name == "":
		return "give a name such as alpine"
	case strings.Contains(e.name, "://"):
		_, rest, _ := strings.Cut(e.name, "://")
		return "leave the scheme out: " + rest
	case errors.Is(e.err, reference.ErrNameContainsUppercase), strings.Contains(e.err.Error(), "lowercase"):
		return "write it in lower case: " + strings.ToLower(e.name)
	case strings.ContainsAny(e.name, " \t\n"):
		return "a name has no spaces"
	default:
		return "a name reads [REGISTRY/]REPOSITORY[:TAG][@sha256:DIGEST]"
	}
}
