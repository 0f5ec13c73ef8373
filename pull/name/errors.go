package name

import (
	"fmt"
	"strings"
)

// invalid is Docker's word for most of what can be wrong with a name.
const invalid = "invalid reference format"

// A parseError is a word that cannot be the name of an image.
type parseError struct {
	word string
	what string
	hint string // "" if the word as a whole says more than the part that is wrong
}

func (e *parseError) Error() string { return fmt.Sprintf("image name %q: %s", e.word, e.what) }

// Hint says what is wrong, for the usual mistakes.
func (e *parseError) Hint() string {
	_, afterScheme, hasScheme := strings.Cut(e.word, "://")
	switch {
	case e.word == "":
		return "give a name such as alpine"
	case hasScheme:
		return "leave the scheme out: " + afterScheme
	case strings.ContainsAny(e.word, " \t\n"):
		return "a name has no spaces"
	case e.hint != "":
		return e.hint
	default:
		return "a name reads [REGISTRY/]REPOSITORY[:TAG][@sha256:DIGEST]"
	}
}
