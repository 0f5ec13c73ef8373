package linux

import (
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// A path in a socket's address has 108 bytes at most (unix(7)), which a container's
// ID below a directory of the user's choice can exceed. So the directory is opened,
// and the socket named by way of the descriptor.

// Listen listens on a new socket at path, an absolute one of any length. The file
// stays when the listener is closed.
func Listen(path string) (*net.UnixListener, error) {
	var l *net.UnixListener
	err := inDirectory(path, func(name string) (err error) {
		l, err = net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
		return err
	})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	return l, nil
}

// Dial connects to the socket at path.
func Dial(path string) (*net.UnixConn, error) {
	var c *net.UnixConn
	err := inDirectory(path, func(name string) (err error) {
		c, err = net.DialUnix("unix", nil, &net.UnixAddr{Name: name, Net: "unix"})
		return err
	})
	return c, err
}

// SocketPair is socketpair(2): a stream, and both of its ends.
func SocketPair() (a, b *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err := Failed(err, "socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0)"); err != nil {
		return nil, nil, err
	}
	return os.NewFile(uintptr(fds[0]), "our end of a socket"), os.NewFile(uintptr(fds[1]), "their end of a socket"), nil
}

func inDirectory(path string, do func(name string) error) error {
	dir, err := Open(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer dir.Close()
	return do(FDPath(dir) + "/" + filepath.Base(path))
}
