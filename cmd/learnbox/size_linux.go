package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// treeSize adds up the bytes of the regular files below dir, each inode once. It
// walks by descriptors and follows no link, since a stranger made the tree. What
// goes away meanwhile does not count.
func treeSize(ctx context.Context, dir string) (int64, error) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("open %s: %w", dir, err)
	}
	w := sizeWalk{links: map[[2]uint64]bool{}}
	err = w.add(ctx, os.NewFile(uintptr(fd), dir))
	return w.bytes, err
}

type sizeWalk struct {
	bytes int64
	links map[[2]uint64]bool // device and inode of files with several names
}

// add counts what is in the directory d, and closes it.
func (w *sizeWalk) add(ctx context.Context, d *os.File) error {
	defer d.Close()
	if err := ctx.Err(); err != nil {
		return err
	}
	names, err := d.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := w.addEntry(ctx, d, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (w *sizeWalk) addEntry(ctx context.Context, d *os.File, name string) error {
	var st unix.Stat_t
	if err := unix.Fstatat(int(d.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("stat %s: %w", filepath.Join(d.Name(), name), err)
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		id := [2]uint64{uint64(st.Dev), st.Ino} //nolint:unconvert // Dev is narrower on other architectures
		if st.Nlink > 1 && w.links[id] {
			return nil
		}
		if st.Nlink > 1 {
			w.links[id] = true
		}
		w.bytes += st.Size
	case unix.S_IFDIR:
		fd, err := unix.Openat(int(d.Fd()), name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open %s: %w", filepath.Join(d.Name(), name), err)
		}
		return w.add(ctx, os.NewFile(uintptr(fd), filepath.Join(d.Name(), name)))
	}
	return nil
}
