package lifecycle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
)

// Root opens the root directory that a container sees, or would see. release closes
// it and must be called.
//
// Of a running container it is that of its first process, with all mounts. Of one at
// rest it is an overlay that is mounted nowhere (fsmount(2)); nobody can start
// the container meanwhile, for the kernel does not want two overlays to write to one
// upper directory.
//
// Errors: ErrRunning if the container is being started or removed right now.
func (c *Containers) Root(ct Container) (root *os.File, release func() error, err error) {
	if ct.State.Status == Running || ct.State.Status == Paused {
		root, err = c.runningRoot(ct)
		if err != nil {
			return nil, nil, err
		}
		return root, root.Close, nil
	}
	lock, err := c.idle(ct.ID)
	if err != nil {
		return nil, nil, err
	}
	root, err = c.restingRoot(ct)
	if err != nil {
		return nil, nil, errors.Join(err, c.unlist(ct.ID), lock.Release())
	}
	return root, func() error { return errors.Join(root.Close(), c.unlist(ct.ID), lock.Release()) }, nil
}

// runningRoot follows the magic link in /proc. A container counts as running while
// its init still builds it, and until that has pivoted its root is the machine's:
// that one is never taken. And the number of a process that has ended can be given
// to another one, so the state has to be the same afterwards.
func (c *Containers) runningRoot(ct Container) (*os.File, error) {
	for range startTries {
		root, err := linux.Open(fmt.Sprintf("/proc/%d/root", ct.State.Pid), unix.O_PATH|unix.O_DIRECTORY)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, errEnded
		}
		if err != nil {
			return nil, err
		}
		machines, err := isOurRoot(root)
		now, getErr := c.Get(ct.ID)
		if err = errors.Join(err, getErr); err == nil && now.State.Pid != ct.State.Pid {
			err = errEnded
		}
		if err == nil && !machines {
			return root, nil
		}
		if err = errors.Join(err, root.Close()); err != nil {
			return nil, err
		}
		<-time.After(startPause) // nothing tells when it pivots
	}
	return nil, errors.New("the container has no root file system of its own yet")
}

var errEnded = errors.New("the container has ended in this moment")

// How often, and how long between, the root of a container is looked at that is
// being built.
const (
	startTries = 200
	startPause = 10 * time.Millisecond
)

func isOurRoot(f *os.File) (bool, error) {
	ours, err := linux.Open("/", unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return false, err
	}
	defer ours.Close()
	return linux.SameFile(f, ours)
}

// restingRoot names the directories by descriptors: a colon or a comma in a path
// would be a separator in the options of overlayfs.
func (c *Containers) restingRoot(ct Container) (*os.File, error) {
	options := []string{"source", "overlay"}
	for _, dir := range []struct{ option, path string }{
		{"lowerdir", ct.Rootfs}, {"upperdir", c.file(ct.ID, "upper")}, {"workdir", c.file(ct.ID, "work")},
	} {
		f, err := linux.Open(dir.path, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		options = append(options, dir.option, linux.FDPath(f))
	}
	return linux.NewMount("overlay", unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC, options...)
}
