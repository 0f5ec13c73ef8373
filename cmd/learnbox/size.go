package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/learnbox/learnbox/internal/atomicfile"
	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/pull/store"
	"github.com/learnbox/learnbox/unpack"
)

// sizeFile remembers the size of one flattened image, decimal bytes. A root
// filesystem never changes, so it is measured once, when somebody first asks.
func (a *app) sizeFile(rootfs string) string {
	return filepath.Join(a.root, "sizes", filepath.Base(rootfs))
}

// imageSize is what Docker calls the size of an image: the bytes of all its
// files, unpacked. Docker adds up what each layer brings; learnbox has one
// directory and counts what is in it, so a file that a later layer replaced or
// removed does not count. An image that is not unpacked has the size of its archives.
func (a *app) imageSize(ctx context.Context, img store.Image) (int64, error) {
	rootfs, ok := unpack.Path(a.rootfsDir(), img.Layers)
	if !ok {
		return archiveSize(img), nil
	}
	n, err := a.rootfsSize(ctx, rootfs)
	if errors.Is(err, fs.ErrNotExist) { // removed in this moment
		return archiveSize(img), nil
	}
	if err != nil {
		return 0, fmt.Errorf("measure image %s: %w", shortID(img.ID), err)
	}
	return n, nil
}

// rootfsSize is the size of a flattened image.
func (a *app) rootfsSize(ctx context.Context, rootfs string) (int64, error) {
	file := a.sizeFile(rootfs)
	if text, err := os.ReadFile(file); err == nil {
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil {
			return n, nil
		}
	}
	n, err := treeSize(ctx, rootfs)
	if err != nil {
		return 0, err
	}
	// A size that cannot be remembered is measured again the next time.
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err == nil {
		_ = atomicfile.WriteVolatile(file, []byte(strconv.FormatInt(n, 10)+"\n"), 0o600)
	}
	return n, nil
}

// containerSize is what a container has written, and that and its image together.
func (a *app) containerSize(ctx context.Context, ct lifecycle.Container) (own, whole int64, err error) {
	if own, err = treeSize(ctx, filepath.Join(a.root, "containers", ct.ID, "upper")); err != nil {
		return 0, 0, fmt.Errorf("measure container %s: %w", ct.Name, err)
	}
	image, err := a.rootfsSize(ctx, ct.Rootfs)
	if err != nil {
		return 0, 0, fmt.Errorf("measure the image of %s: %w", ct.Name, err)
	}
	return own, own + image, nil
}

func archiveSize(img store.Image) int64 {
	var n int64
	for _, l := range img.Layers {
		n += l.Size
	}
	return n
}
