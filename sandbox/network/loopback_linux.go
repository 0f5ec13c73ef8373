package network

import (
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
)

// UpLoopback sets the interface lo of the calling thread's network namespace
// up; the kernel then gives it 127.0.0.1 and ::1. The ioctl(2) interface of
// netdevice(7) is old, but needs no netlink for this one flag.
func UpLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return linux.Failed(err, "socket(AF_INET, SOCK_DGRAM|SOCK_CLOEXEC, 0)")
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return linux.Failed(err, "ifreq(lo)")
	}
	req.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	err = unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req)
	return linux.Failed(err, "ioctl(%d, SIOCSIFFLAGS, {lo, IFF_UP|IFF_RUNNING})", fd)
}
