package unpack

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/pull/store"
)

// copySize is how much of a file is written with one call.
const copySize = 256 << 10

// An unpacker applies layers to a tree.
type unpacker struct {
	tree    *tree
	budget  *budget
	buf     []byte
	noMknod bool // the kernel refused a device; it will refuse the others
	skipped func(Skip)

	layer store.Layer // the one that is being applied
}

// buildTree applies all layers to the empty directory name in parent.
func buildTree(ctx context.Context, parent int, name string, layers []store.Layer, o Options) (err error) {
	t, err := openTree(parent, name)
	if err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	defer func() { err = errors.Join(err, t.close()) }()
	// What the root directory is until an archive says otherwise.
	if err := unix.Fchmod(t.root, 0o755); err != nil {
		return failed(err, "fchmod(%q, 0755)", name)
	}
	u := &unpacker{tree: t, budget: newBudget(o), buf: make([]byte, copySize), skipped: o.Skipped}
	for _, l := range layers {
		if err := u.apply(ctx, l); err != nil {
			return fmt.Errorf("unpack layer %s: %w", l.Digest, err)
		}
		if o.Progress != nil {
			o.Progress(l.Digest)
		}
	}
	if err := t.leave(); err != nil {
		return err
	}
	// The name must not be on the disk before the files are.
	return failed(unix.Syncfs(t.root), "syncfs(%q)", name)
}

// apply applies one layer, and verifies it.
func (u *unpacker) apply(ctx context.Context, l store.Layer) (err error) {
	u.layer = l
	u.tree.startLayer()
	s, err := openSource(ctx, l)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, s.Close())
		// Whatever stopped first, this is why.
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
	}()
	counted := readFunc(func(p []byte) (int, error) {
		n, err := s.Read(p)
		if err := u.budget.addBytes(int64(n)); err != nil {
			return 0, err
		}
		return n, err
	})
	if err := u.entries(ctx, counted); err != nil {
		return err
	}
	// Behind the two empty blocks that end an archive may stand more of them, or
	// anything else: the diffID covers it.
	if _, err := io.CopyBuffer(io.Discard, counted, u.buf); err != nil {
		return err
	}
	return s.verify()
}

// A readFunc is a reader made of a function.
type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// entries applies the entries of a layer in order.
func (u *unpacker) entries(ctx context.Context, r io.Reader) error {
	archive := tar.NewReader(r)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		// Names that leave the root are our business, wherever GODEBUG puts it.
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return fmt.Errorf("read the archive: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := u.budget.addEntry(); err != nil {
			return err
		}
		if err := u.entry(h, archive); err != nil {
			return fmt.Errorf("entry %s: %w", shortName(h.Name), err)
		}
	}
}

// entry applies one entry.
func (u *unpacker) entry(h *tar.Header, body io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader { // a comment, for example git's commit id
		return nil
	}
	name, err := cleanName(h.Name)
	if err != nil {
		return err
	}
	m, hidden, err := readMark(name)
	if err != nil {
		return err
	}
	dir, base := splitName(name)
	switch {
	case m == ignored:
		return nil
	case m == opaque:
		return u.tree.hideAll(dir)
	case m == whiteout:
		return u.tree.hide(dir, hidden)
	case name == root:
		return u.rootEntry(h)
	}
	if why := u.unwanted(h); why != "" {
		u.skip(h, why)
		return nil
	}
	if err := u.tree.enter(dir, true); err != nil {
		return err
	}
	if err := u.make(base, h, body); err != nil {
		return err
	}
	u.tree.give(base)
	return nil
}

// skip tells what is left out.
func (u *unpacker) skip(h *tar.Header, why string) {
	if u.skipped != nil {
		u.skipped(Skip{Layer: u.layer.Digest, Name: h.Name, Why: why})
	}
}

func (u *unpacker) skipper(h *tar.Header) func(string) {
	return func(why string) { u.skip(h, why) }
}
