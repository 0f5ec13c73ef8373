// Package cp copies files between two trees, of which a stranger filled one: a
// container's and the machine's.
//
// What can go wrong is known from Docker: between the look at a path and its use a
// container puts a link there (CVE-2018-15664), or the copier loads a library that
// lies in the container (CVE-2019-14271); CVE-2026-41567 and CVE-2026-42306 are the
// latest. So here a tree is a descriptor of its root. A path is resolved once, by
// openat2(2) below that root, and what it led to stays open until the copy is done.
// RESOLVE_IN_ROOT makes the kernel treat the root as "/", for links and for "..",
// and magic links are not followed. No program is run and nothing is loaded.
//
// Between the trees the files are a tar stream, made by Pack and taken apart by
// Unpack, which is also what "-" reads and writes. Unpack walks by descriptors too
// and follows no link at all: what was there under a name is replaced, never
// written through.
//
// Left out: device nodes and sockets, and extended attributes.
package cp

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
)

// A Root is a tree to copy from or to.
type Root struct {
	dir     *os.File
	resolve uint64
}

// A Source is what will be copied. Close it.
type Source struct {
	Name  string // its last name; "." for what is in a directory
	IsDir bool

	file *os.File // O_PATH
}

// A Target is where something will be put. Close it.
type Target struct {
	Exists, IsDir bool

	asserted bool     // the path says that it is a directory
	dir      *os.File // itself, if it is a directory, or the one above; nil if that is missing too
	name     string   // in the one above
	path     string   // for errors
}

// Errors about what was asked for, in Docker's words.
var (
	ErrNotDirectory = errors.New("no such directory")
	ErrDirToFile    = errors.New("cannot copy directory")
)

// Close closes the root's descriptor.
func (r *Root) Close() error { return r.dir.Close() }

// Close closes what the source stands for.
func (s *Source) Close() error { return s.file.Close() }

// Close closes what the target stands for.
func (t *Target) Close() error {
	if t.dir == nil {
		return nil
	}
	return t.dir.Close()
}

// Place says what the first name in the stream has to be for the source to arrive
// where Docker puts it: in a directory that is there, under its own name, else
// under the name that was given.
func (t *Target) Place(s *Source) (name string, err error) {
	switch {
	case t.IsDir:
		return s.Name, nil
	case t.Exists && s.IsDir:
		return "", fmt.Errorf("%w onto the file %s", ErrDirToFile, t.path)
	case t.asserted && (t.Exists || !s.IsDir):
		return "", fmt.Errorf("%s: %w", t.path, ErrNotDirectory)
	case t.dir == nil:
		return "", fmt.Errorf("%s: %w", path.Dir(path.Clean(t.path)), ErrNotDirectory)
	}
	return t.name, nil
}

// assertsDir reports whether a path can only be a directory.
func assertsDir(p string) bool {
	return strings.HasSuffix(p, "/") || isContents(p) || path.Base(p) == ".."
}

// isContents reports whether a path means what is in a directory.
func isContents(p string) bool { return p == "." || strings.HasSuffix(p, "/.") }
