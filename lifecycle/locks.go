package lifecycle

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/atomicfile"
)

// ErrRunning reports that a container's parent is alive and holds it.
var ErrRunning = errors.New("the container is running")

// idle takes the lock of a container that nobody holds. One that holds the
// lock for the moment of a look is waited for: only a container whose state says so
// is running.
//
// Errors: ErrRunning, ErrNotFound.
func (c *Containers) idle(id string) (*atomicfile.Lock, error) {
	const patience = 2 * time.Second
	for end := time.Now().Add(patience); ; {
		lock, err := c.tryIdle(id)
		switch late := time.Now().After(end); {
		case errors.Is(err, ErrRunning) && c.statusOf(id) == Restarting:
			return nil, ErrRestarting
		case errors.Is(err, ErrRunning) && !c.statusOf(id).Alive() && !late:
			<-time.After(5 * time.Millisecond)
		case !errors.Is(err, fs.ErrNotExist) || late:
			return lock, err
		}
	}
}

// tryIdle is one try. A container that is known to Repair already has a holder, or
// had one that died: what that one left is cleared away, as nobody could find it any
// more once we are done. Then, and if somebody else did so meanwhile,
// fs.ErrNotExist says that it has to be tried again.
func (c *Containers) tryIdle(id string) (*atomicfile.Lock, error) {
	err := os.Mkdir(filepath.Join(c.run, id), 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil, cmp.Or(c.mend(id), fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	lock, err := c.tryLock(id)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(c.file(id, "container.json")); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%s: %w", Short(id), ErrNotFound) // removed since it was found
		}
		return nil, errors.Join(err, c.unlist(id), lock.Release())
	}
	return lock, nil
}

// statusOf is what a container's state says, or nothing if it cannot be read.
func (c *Containers) statusOf(id string) Status {
	ct, err := c.Get(id)
	if err != nil {
		return ""
	}
	return ct.State.Status
}

// list makes a container known to Repair.
func (c *Containers) list(id string) error {
	if err := os.Mkdir(filepath.Join(c.run, id), 0o700); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// tryLock takes a lock that nobody holds. Between the opening of the file and its
// locking somebody may have removed it: such a lock keeps nobody out, and
// fs.ErrNotExist says so.
func (c *Containers) tryLock(id string) (*atomicfile.Lock, error) {
	lock, err := atomicfile.TryAcquire(c.lock(id))
	if errors.Is(err, atomicfile.ErrLocked) {
		return nil, ErrRunning
	}
	if err != nil {
		return nil, err
	}
	if err := c.stillThere(lock, id); err != nil {
		return nil, errors.Join(err, lock.Release())
	}
	return lock, nil
}

// stillThere returns fs.ErrNotExist if somebody has removed the lock's file.
func (c *Containers) stillThere(lock *atomicfile.Lock, id string) error {
	mine, err := lock.File().Stat()
	if err != nil {
		return err
	}
	now, err := os.Stat(c.lock(id))
	if err == nil && !os.SameFile(mine, now) {
		err = fs.ErrNotExist
	}
	return err
}

// unlist makes a container unknown to Repair. Only the holder of the lock may do it, and
// the lock's file goes last and once: from then on another one may be made in its place, which
// is somebody else's, and then the directory stays.
func (c *Containers) unlist(id string) error {
	dir := filepath.Join(c.run, id)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, e := range entries {
		if path := filepath.Join(dir, e.Name()); path != c.lock(id) {
			errs = append(errs, os.RemoveAll(path))
		}
	}
	for _, path := range []string{c.lock(id), dir} {
		if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTEMPTY) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
