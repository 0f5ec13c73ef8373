package linux

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// IsNamespace reports whether f stands for a namespace, as an open file such
// as /proc/self/ns/uts does.
func IsNamespace(f *os.File) bool {
	var st unix.Statfs_t
	return unix.Fstatfs(int(f.Fd()), &st) == nil && st.Type == unix.NSFS_MAGIC
}

// SameFile reports whether two open files are one. Numbers of namespaces are
// used again, so they tell something only while both are held open.
func SameFile(a, b *os.File) (bool, error) {
	x, err := Stat(a)
	if err != nil {
		return false, err
	}
	y, err := Stat(b)
	return x.Dev == y.Dev && x.Ino == y.Ino, err
}

// AddBridge makes a bridge in the calling thread's network namespace, by the
// old ioctl(2), which needs no netlink.
func AddBridge(name string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return Failed(err, "socket(AF_INET, SOCK_DGRAM|SOCK_CLOEXEC, 0)")
	}
	defer unix.Close(fd)
	b, err := unix.BytePtrFromString(name)
	if err != nil {
		return Failed(err, "ioctl(%d, SIOCBRADDBR, %q)", fd, name)
	}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCBRADDBR, uintptr(unsafe.Pointer(b)))
	return Failed(errno, "ioctl(%d, SIOCBRADDBR, %q)", fd, name)
}

// SharedMemory makes a segment of System V shared memory that nobody has
// attached; it stays until its ipc namespace goes (shmget(2)).
func SharedMemory(key, size int) error {
	_, err := unix.SysvShmGet(key, size, unix.IPC_CREAT|0o600)
	return Failed(err, "shmget(%#x, %d, IPC_CREAT|0600)", key, size)
}
