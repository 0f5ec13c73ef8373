package lifecycle

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
)

// Follow is Read, then goes on with what happens until ctx ends.
func (j Journal) Follow(ctx context.Context, each func(Event)) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err := linux.Failed(err, "inotify_init1(IN_CLOEXEC|IN_NONBLOCK)"); err != nil {
		return err
	}
	woken := os.NewFile(uintptr(fd), "inotify")
	defer woken.Close()

	// The directory tells of writes to its files, and of a file that begins anew; what
	// happens before the first reading is read by it.
	dir := filepath.Dir(j.path)
	_, err = unix.InotifyAddWatch(fd, dir, unix.IN_MODIFY|unix.IN_CREATE|unix.IN_MOVED_TO)
	if err := linux.Failed(err, "inotify_add_watch(%d, %q, IN_MODIFY|IN_CREATE|IN_MOVED_TO)", fd, dir); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = woken.SetReadDeadline(time.Now()) })
	defer stop()

	t := tail[Event]{path: j.path}
	defer t.close()
	if err := t.before(each); err != nil {
		return err
	}
	for buf := make([]byte, 4096); ; {
		if err := t.read(each); err != nil {
			return err
		}
		if _, err := woken.Read(buf); ctx.Err() != nil {
			return nil
		} else if err != nil {
			return err
		}
	}
}
