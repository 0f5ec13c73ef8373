package linux

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// SealedProgram opens a program for execution such that nobody who reaches it
// through /proc/PID/exe can open it for writing, not even root: a container
// that could would replace learnbox on the host (CVE-2019-5736).
//
// The file is seen through a read-only overlay that is mounted nowhere and
// has no upper directory. It shares the page cache with the original, so this
// costs no copy. overlayfs wants a second lower directory then; empty is it.
// Where the kernel refuses (the program lies on an overlay of overlays, or its
// path has a colon), the bytes are copied into a memfd and sealed there.
func SealedProgram(path, empty string) (*os.File, error) {
	original, err := Open(path, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer original.Close()
	if f, err := overlayProgram(original, empty); err == nil {
		return f, nil
	}
	return memfdProgram(original)
}

func overlayProgram(original *os.File, empty string) (*os.File, error) {
	file, err := os.Readlink(FDPath(original)) // path may be /proc/self/exe
	if err != nil {
		return nil, err
	}
	mount, err := NewMount("overlay", unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV,
		"lowerdir", filepath.Dir(file)+":"+empty)
	if err != nil {
		return nil, err
	}
	defer mount.Close()
	f, err := OpenIn(mount, filepath.Base(file), unix.O_RDONLY, 0, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_SYMLINKS)
	if err != nil {
		return nil, err
	}
	if err := sameFile(f, original); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// sameFile makes sure that the name, seen through the overlay, still is the
// file that was opened; overlayfs keeps the inode number.
func sameFile(f, original *os.File) error {
	a, err := Stat(f)
	if err != nil {
		return err
	}
	b, err := Stat(original)
	if err != nil {
		return err
	}
	if a.Ino != b.Ino || a.Size != b.Size || a.Mtim != b.Mtim {
		return fmt.Errorf("%s has become another file", original.Name())
	}
	return nil
}

// memfdProgram copies a program into memory and seals it. The writable
// descriptor is given up for one that only reads: a file that anyone may write
// cannot be executed (ETXTBSY, execve(2)).
func memfdProgram(original *os.File) (*os.File, error) {
	fd, err := unix.MemfdCreate("learnbox", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err := Failed(err, "memfd_create(\"learnbox\", MFD_CLOEXEC|MFD_ALLOW_SEALING)"); err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "learnbox")
	defer f.Close()
	if _, err := io.Copy(f, original); err != nil {
		return nil, fmt.Errorf("copy %s into memory: %w", original.Name(), err)
	}
	const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	_, err = unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, seals)
	if err := Failed(err, "fcntl(%s, F_ADD_SEALS, F_SEAL_SEAL|F_SEAL_SHRINK|F_SEAL_GROW|F_SEAL_WRITE)", f.Name()); err != nil {
		return nil, err
	}
	return Open(FDPath(f), unix.O_RDONLY)
}
