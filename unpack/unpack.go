// Package unpack flattens the layers of an image into one directory.
//
// A layer is a tar archive of what changed on top of the layers below it:
// files that are new or different, and for everything that went away an empty
// file called ".wh.NAME", a whiteout (image-spec, layer.md). Docker keeps each
// layer in a directory of its own and lets overlayfs stack them at every start.
// learnbox applies them once, in order, to a single directory that nobody writes
// to afterwards: one lower directory is all that a container then needs, and
// what a learner finds in it is what the container sees.
//
// The archives come from strangers and are unpacked by root, so a path in one of
// them is never handed to the kernel as it stands. Its directory is resolved by
// openat2(2) with RESOLVE_IN_ROOT, which treats the tree as "/" whatever links
// are in it, and its last component only ever goes to calls that take a
// directory descriptor and do not follow links. What stands in the way is
// removed first and never opened. Bytes are counted against limits while they
// arrive, and the uncompressed stream is hashed against the diffID of the image
// configuration to its very end.
//
// A tree is built in a directory whose name starts with ".tmp-" and appears
// under the chain ID of its layers by a rename, when it is complete and on the
// disk. A lock for each chain keeps two processes from doing the same work; what
// a killed process left behind is taken away by the next one.
//
// Left out: user namespaces (owners are stored as the archive names them), the
// xattrs that configure the host's overlayfs and security modules, devices other
// than those Docker lets every container use, and whiteouts in overlayfs' own
// form. What is left out of an image is told through [Options.Skipped].
package unpack

import (
	"context"
	"fmt"
	"os"

	digest "github.com/opencontainers/go-digest"

	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/pull/store"
)

// Options bound what a foreign archive may cost. Zero means the default.
type Options struct {
	// MaxBytes is how much all layers together may hold, uncompressed: tar
	// headers count, and the holes of sparse files too. Default 32 GiB.
	MaxBytes int64
	// MaxEntries is how many entries all layers together may have. The default
	// is one for each 16 KiB of MaxBytes, at least 2 Mi, so that one flag for
	// MaxBytes raises both.
	MaxEntries int64
	Narrate    *narrate.Narrator
	Progress   func(layer digest.Digest) // may be nil; a layer is applied
	Skipped    func(Skip)                // may be nil; an entry, or a part of one, is left out
}

// A Skip says what of an image is not in the directory, and why.
type Skip struct {
	Layer digest.Digest
	Name  string // as the archive has it, so quote it
	Why   string
}

// Flatten applies layers, in order, to one new directory below dir and
// publishes it under the chain ID of the layers by a rename. If it is there
// already, nothing is done. It returns the absolute path of the root filesystem.
//
// Flatten makes dir, or takes everybody else's access to it away: the tree below
// it has set-uid files that a stranger chose. It needs root, as owners do.
//
// Readers that [store.Layer.Open] returns must give up when their context ends.
// A *LimitError reports a layer that is larger than the options allow.
func Flatten(ctx context.Context, dir string, layers []store.Layer, o Options) (path string, err error) {
	path, err = chainPath(dir, layers)
	if err != nil {
		return "", fmt.Errorf("unpack: %w", err)
	}
	if isDirectory(path) {
		o.Narrate.Skip(Step())
		return path, nil
	}
	if err := o.Narrate.Run(Step(), func() error { return flatten(ctx, path, layers, o) }); err != nil {
		return "", err
	}
	return path, nil
}

// Step is the step that Flatten is in a run.
func Step() narrate.Step {
	return narrate.Step{
		ID:    "image.unpack",
		Title: "One directory from all layers",
		Why:   "so that a container needs only one lower directory, which every container of the image shares",
	}
}

// Path returns where Flatten puts, or has put, the layers' root filesystem, and
// whether it is there. It is empty for layers whose diffIDs are no digests.
func Path(dir string, layers []store.Layer) (path string, ok bool) {
	path, err := chainPath(dir, layers)
	if err != nil {
		return "", false
	}
	return path, isDirectory(path)
}

// Remove deletes the root filesystem at path (as Path names it), or does nothing if it is not there.
// It disappears at once, by a rename; a Remove that is killed is finished by the next Flatten beside it.
func Remove(path string) error {
	if err := remove(path); err != nil {
		return fmt.Errorf("remove unpacked image: %w", err)
	}
	return nil
}

func isDirectory(path string) bool {
	fi, err := os.Lstat(path)
	return err == nil && fi.IsDir()
}
