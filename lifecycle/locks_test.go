package lifecycle

import (
	"errors"
	"io/fs"
	"sync"
	"sync/atomic"
	"testing"
)

// Many take a container's lock and make the container unknown again, as commands and
// Repair do; there is never more than one of them who has it.
func TestLockHasOneHolder(t *testing.T) {
	const takers, turns = 8, 300
	c := open(t)
	id := newID()
	var holders atomic.Int32
	var all sync.WaitGroup
	for range takers {
		all.Go(func() {
			for range turns {
				if err := c.list(id); err != nil {
					t.Error(err)
				}
				lock, err := c.tryLock(id)
				if errors.Is(err, ErrRunning) || errors.Is(err, fs.ErrNotExist) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if n := holders.Add(1); n != 1 {
					t.Errorf("%d have the lock", n)
				}
				if err := c.stillThere(lock, id); err != nil {
					t.Errorf("the lock's file was removed from under its holder: %v", err)
				}
				holders.Add(-1)
				if err := errors.Join(c.unlist(id), lock.Release()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}
