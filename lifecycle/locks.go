package lifecycle

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/learnbox/learnbox/internal/atomicfile"
)

// ErrRunning reports that a container's parent is alive and holds it.
var ErrRunning = errors.New("the container is running")

// idle takes the lock of a container that nobody holds. A Repair may remove
// the directory of the lock meanwhile; then it is made again.
func (c *Containers) idle(id string) (*atomicfile.Lock, error) {
	for {
		if err := c.list(id); err != nil {
			return nil, err
		}
		if lock, err := c.tryLock(id); !errors.Is(err, fs.ErrNotExist) {
			return lock, err
		}
	}
}

// list makes a container known to Repair.
func (c *Containers) list(id string) error {
	if err := os.Mkdir(filepath.Join(c.run, id), 0o700); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func (c *Containers) tryLock(id string) (*atomicfile.Lock, error) {
	lock, err := atomicfile.TryAcquire(c.lock(id))
	if errors.Is(err, atomicfile.ErrLocked) {
		return nil, ErrRunning
	}
	return lock, err
}

// unlist makes a container unknown to Repair. Another Repair may make the
// lock's file anew between the removals of that file and of its directory.
func (c *Containers) unlist(id string) (err error) {
	for range 10 {
		if err = os.RemoveAll(filepath.Join(c.run, id)); err == nil {
			break
		}
	}
	return err
}
