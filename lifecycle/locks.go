package lifecycle

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/atomicfile"
)

// ErrRunning reports that a container's parent is alive and holds it.
var ErrRunning = errors.New("the container is running")

// idle takes the lock of a container that nobody holds. A Repair may remove
// the directory of the lock meanwhile; then it is made again. One that holds the
// lock for the moment of a look is waited for: only a container whose state says so
// is running.
func (c *Containers) idle(id string) (*atomicfile.Lock, error) {
	const patience = 2 * time.Second
	for end := time.Now().Add(patience); ; {
		if err := c.list(id); err != nil {
			return nil, err
		}
		lock, err := c.tryLock(id)
		switch {
		case errors.Is(err, ErrRunning) && c.statusOf(id) == Restarting:
			return nil, ErrRestarting
		case errors.Is(err, ErrRunning) && !c.statusOf(id).Alive() && time.Now().Before(end):
			<-time.After(5 * time.Millisecond)
		case !errors.Is(err, fs.ErrNotExist):
			return lock, err
		}
	}
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
