package linux

import (
	"os"

	"golang.org/x/sys/unix"
)

// Open is open(2) with O_CLOEXEC.
func Open(path string, flags int) (*os.File, error) {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
	if err := Failed(err, "open(%q, %s)", path, openFlags(uint64(flags|unix.O_CLOEXEC))); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}

// OpenIn is openat2(2): it opens path below dir, and resolve says what the way
// there may cross. RESOLVE_IN_ROOT treats dir as if it were "/", also for
// absolute links and "..": the kernel keeps the walk inside. Magic links of
// /proc are never followed.
func OpenIn(dir *os.File, path string, flags int, perm uint32, resolve uint64) (*os.File, error) {
	how := unix.OpenHow{Flags: uint64(flags | unix.O_CLOEXEC), Resolve: resolve | unix.RESOLVE_NO_MAGICLINKS}
	if flags&unix.O_CREAT != 0 {
		how.Mode = uint64(perm)
	}
	for {
		fd, err := unix.Openat2(int(dir.Fd()), path, &how)
		if err == unix.EINTR || err == unix.EAGAIN { // EAGAIN: a rename raced with "..", openat2(2)
			continue
		}
		if err := Failed(err, "openat2(%q, %q, {flags=%s, resolve=%s})", dir.Name(), path, openFlags(how.Flags), resolveFlags(how.Resolve)); err != nil {
			return nil, err
		}
		return os.NewFile(uintptr(fd), path), nil
	}
}

// WriteOnce is write(2): a file of /proc takes a value in one call, or not at all.
func WriteOnce(f *os.File, value string) error {
	for {
		_, err := unix.Write(int(f.Fd()), []byte(value))
		if err != unix.EINTR {
			return Failed(err, "write(%q, %q)", f.Name(), value)
		}
	}
}

// MkdirAt is mkdirat(2).
func MkdirAt(dir *os.File, name string, perm uint32) error {
	return Failed(unix.Mkdirat(int(dir.Fd()), name, perm), "mkdirat(%q, %q, %#o)", dir.Name(), name, perm)
}

// MknodAt is mknodat(2); mode holds the type and the permissions.
func MknodAt(dir *os.File, name string, mode, major, minor uint32) error {
	dev := unix.Mkdev(major, minor)
	return Failed(unix.Mknodat(int(dir.Fd()), name, mode, int(dev)), "mknodat(%q, %q, %#o, makedev(%d, %d))", dir.Name(), name, mode, major, minor)
}

// SymlinkAt is symlinkat(2).
func SymlinkAt(target string, dir *os.File, name string) error {
	return Failed(unix.Symlinkat(target, int(dir.Fd()), name), "symlinkat(%q, %q, %q)", target, dir.Name(), name)
}

// UnlinkAt is unlinkat(2) without flags.
func UnlinkAt(dir *os.File, name string) error {
	return Failed(unix.Unlinkat(int(dir.Fd()), name, 0), "unlinkat(%q, %q, 0)", dir.Name(), name)
}

// Stat is fstat(2).
func Stat(f *os.File) (unix.Stat_t, error) {
	var st unix.Stat_t
	err := unix.Fstat(int(f.Fd()), &st)
	return st, Failed(err, "fstat(%q)", f.Name())
}

// Readable is how many bytes a pipe or a terminal has to be read (TIOCINQ,
// ioctl_tty(2)).
func Readable(f *os.File) int {
	n, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCINQ)
	if err != nil {
		return 0
	}
	return n
}

// IsDir reports whether f is a directory.
func IsDir(f *os.File) bool {
	st, err := Stat(f)
	return err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR
}

// IsNullDevice reports whether f is the character device 1:3: masking a file
// with something else would give it away (CVE-2025-31133).
func IsNullDevice(f *os.File) bool {
	st, err := Stat(f)
	return err == nil && st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == unix.Mkdev(1, 3)
}
