package unpack

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/atomicfile"
)

// lockChain waits until nobody else builds or removes the tree of a chain, and
// keeps them out until unlock. A process that dies gives its lock back: flock(2).
//
// The lock file is removed at the end, so that only trees stay in the directory.
// Somebody who had opened it before holds a lock on a file without a name then,
// notices, and tries again with the next one.
func lockChain(ctx context.Context, dir, chain string) (unlock func() error, err error) {
	for {
		f, err := openLock(dir, chain)
		if err != nil {
			return nil, err
		}
		if err := atomicfile.LockFile(ctx, f, true); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if atomicfile.Linked(f, f.Name()) {
			return unlocker(f), nil
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
}

// tryLockChain is lockChain for who does not want to wait: unlock is nil if
// somebody holds the lock.
func tryLockChain(dir, chain string) (unlock func() error, err error) {
	f, err := openLock(dir, chain)
	if err != nil {
		return nil, err
	}
	ok, err := atomicfile.TryLockFile(f)
	if err != nil || !ok || !atomicfile.Linked(f, f.Name()) {
		return nil, errors.Join(err, f.Close())
	}
	return unlocker(f), nil
}

func openLock(dir, chain string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, lockPrefix+chain), os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
}

func unlocker(f *os.File) func() error {
	return func() error { return errors.Join(os.Remove(f.Name()), f.Close()) }
}
