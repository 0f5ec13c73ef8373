package unpack

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// root is the name of the root directory itself, as cleanName returns it.
const root = "."

// cleanName turns the name or the hard-link target of an entry into a path below
// the root: relative, without "." and "..", or "." for the root itself. Absolute
// names count from the root of the image. ".." may lead back to where a name
// already was, but not above the root: no tool writes that, and whoever does
// means harm.
func cleanName(name string) (string, error) {
	if name == "" {
		return "", errors.New("an empty name")
	}
	if strings.IndexByte(name, 0) >= 0 {
		return "", errors.New("a name with a NUL byte")
	}
	if len(name) > maxPath {
		return "", fmt.Errorf("a path of %d bytes; Linux allows %d", len(name), maxPath)
	}
	depth := 0
	for part := range strings.SplitSeq(name, "/") {
		switch {
		case part == "" || part == ".":
		case part == "..":
			if depth--; depth < 0 {
				return "", errors.New("the name leads out of the root file system")
			}
		case len(part) > maxComponent:
			return "", fmt.Errorf("a file name of %d bytes; Linux allows %d", len(part), maxComponent)
		default:
			depth++
		}
	}
	if clean := path.Clean("/" + name)[1:]; clean != "" {
		return clean, nil
	}
	return root, nil
}

// splitName separates the last component of a path from its directory.
func splitName(name string) (dir, base string) {
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		return name[:i], name[i+1:]
	}
	return root, name
}

// A mark is what the name of an entry says beside being a name.
type mark int

const (
	plain    mark = iota
	whiteout      // ".wh.NAME": the layers below have no NAME here any more
	opaque        // ".wh..wh..opq": the layers below have nothing here any more
	ignored       // bookkeeping of aufs, Docker's first storage driver
)

// The names that image-spec's layer.md reserves. All of them are those of aufs.
const (
	whiteoutPrefix = ".wh."
	aufsPrefix     = ".wh..wh."
	opaqueName     = ".wh..wh..opq"
)

// readMark says what a clean name means. For a whiteout, hidden is the name that
// it hides, in the directory of the entry.
func readMark(name string) (m mark, hidden string, err error) {
	if !strings.Contains(name, whiteoutPrefix) {
		return plain, "", nil
	}
	dir, base := splitName(name)
	for part := range strings.SplitSeq(dir, "/") {
		if strings.HasPrefix(part, aufsPrefix) {
			return ignored, "", nil
		}
		// "It is not possible to create an image with a file whose name starts
		// with .wh." (layer.md), and a directory that is a whiteout makes no sense.
		if strings.HasPrefix(part, whiteoutPrefix) {
			return plain, "", errors.New("a directory with the name of a whiteout")
		}
	}
	switch {
	case base == opaqueName:
		return opaque, "", nil
	case strings.HasPrefix(base, aufsPrefix):
		return ignored, "", nil
	case !strings.HasPrefix(base, whiteoutPrefix):
		return plain, "", nil
	}
	hidden = base[len(whiteoutPrefix):]
	if hidden == "" || hidden == "." || hidden == ".." {
		return plain, "", errors.New("a whiteout that names no file")
	}
	return whiteout, hidden, nil
}

// shortName quotes a name for an error: it may hold anything, and a lot of it.
func shortName(name string) string {
	if len(name) > errorNameBytes {
		return fmt.Sprintf("%q…", name[:errorNameBytes])
	}
	return fmt.Sprintf("%q", name)
}
