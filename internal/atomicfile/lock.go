package atomicfile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall" //nolint:depguard // flock(2) on Linux and darwin; this leaf cannot import internal/linux
	"time"
)

// ErrLocked reports that somebody else holds the lock.
var ErrLocked = errors.New("locked by another process")

// A Lock is held until Release, or until the process dies.
type Lock struct{ f *os.File }

const (
	shared    = syscall.LOCK_SH
	exclusive = syscall.LOCK_EX
)

// Acquire takes the exclusive lock on the lock file at path, which is made if
// it is missing, and waits for it as long as ctx allows.
func Acquire(ctx context.Context, path string) (*Lock, error) { return acquire(ctx, path, exclusive) }

// Share takes the lock together with any number of other sharers.
func Share(ctx context.Context, path string) (*Lock, error) { return acquire(ctx, path, shared) }

// TryAcquire takes the exclusive lock if nobody has it; else it returns ErrLocked.
func TryAcquire(path string) (*Lock, error) {
	f, err := openLock(path)
	if err != nil {
		return nil, err
	}
	ok, err := tryLock(f, exclusive)
	if err == nil && !ok {
		err = ErrLocked
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return &Lock{f}, nil
}

// File is the open lock file. A process that inherits it holds the lock too, until
// both have closed it (flock(2)).
func (l *Lock) File() *os.File { return l.f }

// Inherit is the lock that somebody else took, on a file that was inherited.
func Inherit(f *os.File) *Lock { return &Lock{f} }

// Release gives the lock back.
func (l *Lock) Release() error { return l.f.Close() }

func acquire(ctx context.Context, path string, how int) (*Lock, error) {
	f, err := openLock(path)
	if err != nil {
		return nil, err
	}
	if err := LockFile(ctx, f, how == exclusive); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &Lock{f}, nil
}

func openLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	return f, nil
}

// LockFile locks f itself, exclusively or shared, and waits as long as ctx
// allows. Closing f gives the lock back.
//
// A flock(2) that blocks cannot be interrupted by a context, so this asks
// again and again, with pauses that grow to 25 ms.
func LockFile(ctx context.Context, f *os.File, excl bool) error {
	how := shared
	if excl {
		how = exclusive
	}
	for pause := time.Millisecond; ; pause = min(2*pause, 25*time.Millisecond) {
		ok, err := tryLock(f, how)
		if err != nil {
			return fmt.Errorf("lock %s: %w", f.Name(), err)
		}
		if ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("lock %s: %w", f.Name(), context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

// LockFileBriefly locks f itself exclusively. It is for locks that everybody
// holds for a few system calls only: nothing can interrupt the wait.
func LockFileBriefly(f *os.File) error {
	if _, err := flock(f, exclusive); err != nil {
		return fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return nil
}

// TryLockFile locks f itself exclusively and reports whether it could.
func TryLockFile(f *os.File) (bool, error) { return tryLock(f, exclusive) }

func tryLock(f *os.File, how int) (bool, error) { return flock(f, how|syscall.LOCK_NB) }

// flock is flock(2); false says that somebody else has the lock.
func flock(f *os.File, how int) (bool, error) {
	c, err := f.SyscallConn()
	if err != nil {
		return false, err
	}
	var ferr error
	err = c.Control(func(fd uintptr) {
		for {
			ferr = syscall.Flock(int(fd), how)
			if !errors.Is(ferr, syscall.EINTR) {
				return
			}
		}
	})
	if err != nil {
		return false, err
	}
	if errors.Is(ferr, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return ferr == nil, ferr
}

func isInvalid(err error) bool { return errors.Is(err, syscall.EINVAL) }
