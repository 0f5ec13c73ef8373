// Package unpack flattens the layers of an image into one directory.
package unpack

import (
	"context"
	"errors"

	digest "github.com/opencontainers/go-digest"

	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/pull/store"
)

// Options bound what a foreign archive may cost. Zero means the default.
type Options struct {
	MaxBytes   int64 // uncompressed bytes of all layers together
	MaxEntries int64 // entries of all layers together
	Narrate    narrate.Narrator
	Progress   func(layer digest.Digest) // may be nil; a layer is applied
}

// Flatten applies layers, in order, to one new directory below dir and
// publishes it under the chain ID of the layers by a rename. If it is there
// already, nothing is done. It returns the absolute path of the root filesystem.
func Flatten(ctx context.Context, dir string, layers []store.Layer, o Options) (path string, err error) {
	return "", errors.New("unpack: to be written")
}

// Path returns where Flatten puts, or has put, the layers' root filesystem, and whether it is there.
func Path(dir string, layers []store.Layer) (path string, ok bool) { return "", false }

// Remove deletes the root filesystem at path (as Path names it), or does nothing if it is not there.
func Remove(path string) error { return nil }
