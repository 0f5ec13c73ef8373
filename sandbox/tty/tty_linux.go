package tty

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
)

// Peer unlocks a pty master and opens its slave by ioctl, not by a path in
// /dev/pts that the image or another container could have prepared
// (TIOCGPTPEER, ioctl_tty(2); CVE-2025-52565).
func Peer(master *os.File) (*os.File, error) {
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		return nil, linux.Failed(err, "ioctl(ptmx, TIOCSPTLCK, [0])")
	}
	fd, _, errno := unix.Syscall(unix.SYS_IOCTL, master.Fd(), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		return nil, linux.Failed(errno, "ioctl(ptmx, TIOCGPTPEER, O_RDWR|O_NOCTTY|O_CLOEXEC)")
	}
	return os.NewFile(fd, "pty slave"), nil
}

// SetSize tells the terminal its size; the kernel sends SIGWINCH to the
// programs in its foreground if that is a change.
func SetSize(f *os.File, s Size) error {
	err := unix.IoctlSetWinsize(int(f.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: s.Rows, Col: s.Cols})
	return linux.Failed(err, "ioctl(tty, TIOCSWINSZ, {ws_row=%d, ws_col=%d})", s.Rows, s.Cols)
}

// GetSize asks a terminal for its size.
func GetSize(f *os.File) (Size, error) {
	w, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return Size{}, linux.Failed(err, "ioctl(%s, TIOCGWINSZ)", f.Name())
	}
	return Size{w.Row, w.Col}, nil
}

// NewSession makes the calling process the leader of a session without a
// terminal (setsid(2)).
func NewSession() error {
	_, err := unix.Setsid()
	return linux.Failed(err, "setsid()")
}

// Adopt makes slave the controlling terminal of the calling session leader
// and its standard input, output and error.
func Adopt(slave *os.File) error {
	if err := unix.IoctlSetInt(int(slave.Fd()), unix.TIOCSCTTY, 0); err != nil {
		return linux.Failed(err, "ioctl(pty slave, TIOCSCTTY, 0)")
	}
	for fd := range 3 {
		if err := unix.Dup3(int(slave.Fd()), fd, 0); err != nil {
			return linux.Failed(err, "dup3(pty slave, %d, 0)", fd)
		}
	}
	return nil
}
