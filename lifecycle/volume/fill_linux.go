package volume

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/atomicfile"
	"github.com/learnbox/learnbox/internal/linux"
)

// Fill copies into an empty volume what the tree below the directory lower has at the
// path at, as Docker does: owners, permissions, times, attributes, links as links. What a
// volume already has is never changed, and a tree that has no directory there fills nothing.
//
// The copy is made beside the volume's files, in "_new". Once it is whole it is called
// "_fill", and its entries move over one by one: the directory _data itself must stay,
// because other containers may have it mounted. Whoever is killed leaves a _new, which is
// worth nothing, or a _fill, which the next Fill moves to its end.
func (h *Hold) Fill(ctx context.Context, lower, at string) error {
	dir := h.store.path(h.name)
	lock, err := atomicfile.Acquire(ctx, h.store.record(h.name))
	if err != nil {
		return err
	}
	defer lock.Release() //nolint:errcheck // nothing was written to it
	made, filled := filepath.Join(dir, "_new"), filepath.Join(dir, "_fill")
	if err := os.RemoveAll(made); err != nil {
		return err
	}
	if _, err := os.Lstat(filled); err == nil {
		return moveOver(filled, h.store.Data(h.name))
	}
	if empty, err := isEmpty(h.store.Data(h.name)); err != nil || !empty {
		return err
	}
	from, err := sourceIn(lower, at)
	if err != nil || from == nil {
		return err
	}
	defer from.Close()
	if err := copyTo(ctx, from, made); err != nil {
		return errors.Join(fmt.Errorf("fill volume %s from %s in the image: %w", h.name, at, err), os.RemoveAll(made))
	}
	if err := os.Rename(made, filled); err != nil {
		return err
	}
	return moveOver(filled, h.store.Data(h.name))
}

// sourceIn opens a directory of the image, in which links lead where they lead for a
// program in the container, and never out. Where there is none, that is nil.
func sourceIn(lower, at string) (*os.File, error) {
	root, err := linux.Open(lower, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	dir, err := linux.OpenIn(root, at, unix.O_RDONLY|unix.O_DIRECTORY, 0, unix.RESOLVE_IN_ROOT)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return nil, nil
	}
	return dir, err
}

func isEmpty(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	return len(entries) == 0, err
}

// copyTo makes a copy of a directory under a new name, which is on the disk when it returns.
func copyTo(ctx context.Context, from *os.File, name string) error {
	if err := os.Mkdir(name, 0o700); err != nil {
		return err
	}
	to, err := linux.Open(name, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer to.Close()
	c := copier{ctx: ctx, root: to, links: map[[2]uint64]string{}}
	if err := c.dir(from, to, "."); err != nil {
		return err
	}
	return linux.Failed(unix.Syncfs(int(to.Fd())), "syncfs(%q)", name)
}

// moveOver moves what is in one directory into another, which gets the first one's owner,
// permissions and times. What the other has got meanwhile stays.
func moveOver(filled, data string) error {
	from, err := linux.Open(filled, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := linux.Open(data, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer to.Close()
	st, err := linux.Stat(from)
	if err != nil {
		return err
	}
	names, err := from.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		err := unix.Renameat2(int(from.Fd()), name, int(to.Fd()), name, unix.RENAME_NOREPLACE)
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return linux.Failed(err, "renameat2(%q, %q, %q, %q, RENAME_NOREPLACE)", filled, name, data, name)
		}
	}
	if err := copyAttributes(from, to, st); err != nil {
		return err
	}
	return os.RemoveAll(filled)
}
