package linux

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Ended is closed when a process has ended, or does not exist (pidfd_open(2)). It
// costs no processor time to wait, and nothing stays when ctx ends.
func Ended(ctx context.Context, pid int) <-chan struct{} {
	ended := make(chan struct{})
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		close(ended)
		return ended
	}
	r, w, err := os.Pipe()
	if err != nil {
		unix.Close(pidfd)
		return nil // nobody hears of it
	}
	stop := context.AfterFunc(ctx, func() { w.Close() })
	go func() {
		defer unix.Close(pidfd)
		defer r.Close()
		fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}, {Fd: int32(r.Fd()), Events: unix.POLLIN}}
		for {
			_, err := unix.Poll(fds, -1)
			if !errors.Is(err, unix.EINTR) {
				break
			}
		}
		if fds[0].Revents != 0 {
			close(ended)
		}
		if stop() {
			w.Close()
		}
	}()
	return ended
}
