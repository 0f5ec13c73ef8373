package unpack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/atomicfile"
	"github.com/learnbox/learnbox/pull/store"
)

// What stands beside the trees: "<prefix><chain>".
const (
	stagePrefix = ".tmp-"  // a tree that is being built, or torn down
	lockPrefix  = ".lock-" // held by who does it; gone afterwards
)

// flatten builds the tree that belongs at path, unless another process has done
// it by the time it may begin.
func flatten(ctx context.Context, path string, layers []store.Layer, o Options) (err error) {
	dir, chain := filepath.Split(path)
	if err := ownDirectory(dir); err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	unlock, err := lockChain(ctx, dir, chain)
	if err != nil {
		return fmt.Errorf("unpack: wait for the process that unpacks the same layers: %w", err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if isDirectory(path) {
		return nil
	}
	sweep(dir)
	return spaceHint(dir, build(ctx, dir, chain, layers, o))
}

// ownDirectory makes dir, closed to everybody but its owner. What is in it comes
// from strangers and may be set-uid root.
func ownDirectory(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	fi, err := os.Stat(dir)
	if err != nil || fi.Mode().Perm()&0o077 == 0 {
		return err
	}
	return os.Chmod(dir, 0o700)
}

// build makes the tree in a staging directory and renames it. Whatever happens on
// the way, the staging directory is gone afterwards.
func build(ctx context.Context, dir, chain string, layers []store.Layer, o Options) (err error) {
	parent, err := openPath(dir)
	if err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	defer func() { err = errors.Join(err, unix.Close(parent)) }()
	stage := stagePrefix + chain
	// The lock is ours, so a staging directory of this chain belongs to the dead.
	if err := removeAll(parent, stage); err != nil {
		return fmt.Errorf("unpack: remove what a killed process left: %w", err)
	}
	if err := unix.Mkdirat(parent, stage, 0o700); err != nil {
		return failed(err, "mkdirat(%q, %q, 0700)", dir, stage)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, removeAll(parent, stage))
		}
	}()
	if err := buildTree(ctx, parent, stage, layers, o); err != nil {
		return err
	}
	if err := unix.Renameat(parent, stage, parent, chain); err != nil {
		return failed(err, "renameat(%q, %q, %q)", dir, stage, chain)
	}
	return atomicfile.SyncDir(dir)
}

// sweep removes the staging directories in dir whose builders are dead, and their
// locks. The living hold their locks. What cannot be removed is another image's,
// and no reason not to unpack this one: the next sweep tries again.
func sweep(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		for _, prefix := range []string{stagePrefix, lockPrefix} {
			if chain, ok := strings.CutPrefix(e.Name(), prefix); ok {
				_ = sweepChain(dir, chain)
			}
		}
	}
}

func sweepChain(dir, chain string) (err error) {
	unlock, err := tryLockChain(dir, chain)
	if err != nil || unlock == nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	parent, err := openPath(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unix.Close(parent)) }()
	return removeAll(parent, stagePrefix+chain)
}

// remove takes a published tree away: first its name, then its files.
func remove(path string) (err error) {
	if path, err = filepath.Abs(path); err != nil {
		return err
	}
	dir, chain := filepath.Split(path)
	if !isChain(chain) {
		return fmt.Errorf("%s is not the directory of an unpacked image", path)
	}
	parent, err := openPath(dir)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unix.Close(parent)) }()
	unlock, err := lockChain(context.Background(), dir, chain)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	stage := stagePrefix + chain
	if err := removeAll(parent, stage); err != nil {
		return err
	}
	err = unix.Renameat(parent, chain, parent, stage)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return failed(err, "renameat(%q, %q, %q)", dir, chain, stage)
	}
	return removeAll(parent, stage)
}

// openPath opens a directory of our own by its path.
func openPath(dir string) (int, error) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	return fd, failed(err, "open(%q, O_RDONLY|O_DIRECTORY)", dir)
}
