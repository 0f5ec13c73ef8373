package linux

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// SealedSelf returns the running binary, open for execution but such that
// nobody who reaches it through /proc/PID/exe can open it for writing: a
// container that could would replace learnbox on the host (CVE-2019-5736).
//
// The file is seen through an overlay that has no upper directory and is
// mounted nowhere, so it shares the page cache with the original and costs no
// copy. overlayfs wants two lower directories then; empty is the second. Where
// the kernel refuses (the binary lies on an overlay of overlays, or overlayfs
// is missing), the bytes are copied into a sealed memfd.
func SealedSelf(empty string) (*os.File, error) {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil, fmt.Errorf("find this program's own file: %w", err)
	}
	if f, err := overlaySelf(self, empty); err == nil {
		return f, nil
	}
	return memfdSelf()
}

func overlaySelf(self, empty string) (*os.File, error) {
	dir, name := splitPath(self)
	mount, err := NewMount("overlay", unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV, "lowerdir", dir+":"+empty)
	if err != nil {
		return nil, err
	}
	defer mount.Close()
	f, err := OpenIn(mount, name, unix.O_RDONLY, 0, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_SYMLINKS)
	if err != nil {
		return nil, err
	}
	if same, err := sameContent(f); err != nil || !same {
		f.Close()
		return nil, fmt.Errorf("%s is no longer the running program", self)
	}
	return f, nil
}

// sameContent reports whether f, seen through the overlay, is the file that
// runs: the name may have been given to a newer build meanwhile. overlayfs on
// one file system keeps the inode number.
func sameContent(f *os.File) (bool, error) {
	st, err := Stat(f)
	if err != nil {
		return false, err
	}
	var self unix.Stat_t
	if err := unix.Stat("/proc/self/exe", &self); err != nil {
		return false, Failed(err, "stat(%q)", "/proc/self/exe")
	}
	return st.Ino == self.Ino && st.Size == self.Size && st.Mtim == self.Mtim, nil
}

func splitPath(path string) (dir, name string) {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '/' {
			return path[:i+1], path[i+1:]
		}
	}
	return ".", path
}

// memfdSelf copies the running binary into memory and seals it. The writable
// descriptor is given up for one that only reads: a file that anyone may write
// cannot be executed (ETXTBSY, execve(2)).
func memfdSelf() (*os.File, error) {
	fd, err := unix.MemfdCreate("learnbox", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, Failed(err, "memfd_create(\"learnbox\", MFD_CLOEXEC|MFD_ALLOW_SEALING)")
	}
	f := os.NewFile(uintptr(fd), "learnbox")
	defer f.Close()
	self, err := Open("/proc/self/exe", unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer self.Close()
	if _, err := io.Copy(f, self); err != nil {
		return nil, fmt.Errorf("copy this program: %w", err)
	}
	const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, seals); err != nil {
		return nil, Failed(err, "fcntl(memfd, F_ADD_SEALS, F_SEAL_SEAL|F_SEAL_SHRINK|F_SEAL_GROW|F_SEAL_WRITE)")
	}
	return Open(FDPath(f), unix.O_RDONLY)
}
