package rootfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
)

// Mask hides paths that tell about the host: a file behind /dev/null, a
// directory behind an empty read-only tmpfs, the same one for all of them.
// The container's /dev/null is opened once and checked, so that nothing else
// can be mounted in its name (CVE-2025-31133). Paths that do not exist are
// passed over.
func (r *Root) Mask(paths []string) error {
	null, err := r.openNull(unix.O_PATH)
	if err != nil {
		return err
	}
	defer null.Close()
	var empty *os.File
	defer func() {
		if empty != nil {
			empty.Close()
		}
	}()
	for _, name := range paths {
		target, err := r.existing(name)
		if err != nil {
			return err
		}
		if target == nil {
			continue
		}
		switch {
		case !linux.IsDir(target):
			err = cover(target, null)
		case empty != nil:
			err = cover(target, empty)
		default:
			empty, err = r.mountEmpty(name, target)
		}
		target.Close()
		if err != nil {
			return fmt.Errorf("mask %s: %w", name, err)
		}
	}
	return nil
}

// OpenNull opens the container's /dev/null for reading and writing.
func (r *Root) OpenNull() (*os.File, error) { return r.openNull(unix.O_RDWR) }

func (r *Root) openNull(flags int) (*os.File, error) {
	null, err := linux.OpenIn(r.dir, "dev/null", flags, 0, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_SYMLINKS)
	if err != nil {
		return nil, err
	}
	if !linux.IsNullDevice(null) {
		return nil, errors.Join(errors.New("/dev/null is not the null device"), null.Close())
	}
	return null, nil
}

// mountEmpty mounts the tmpfs on the first masked directory and opens it, to
// be copied onto the others.
func (r *Root) mountEmpty(name string, target *os.File) (*os.File, error) {
	const flags = unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := linux.Mount("tmpfs", linux.FDPath(target), "tmpfs", flags, ""); err != nil {
		return nil, err
	}
	return r.existing(name)
}

// ProtectPaths makes paths read-only by mounting them on themselves. Paths
// that do not exist are passed over.
func (r *Root) ProtectPaths(paths []string) error {
	for _, name := range paths {
		target, err := r.existing(name)
		if err != nil {
			return err
		}
		if target == nil {
			continue
		}
		err = protect(target)
		target.Close()
		if err != nil {
			return fmt.Errorf("make %s read-only: %w", name, err)
		}
	}
	return nil
}

func protect(target *os.File) error {
	mount, err := linux.CloneMount(target, true)
	if err != nil {
		return err
	}
	defer mount.Close()
	if err := linux.AttachMount(mount, target); err != nil {
		return err
	}
	return linux.SetMountFlags(mount, unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, true)
}

func cover(target, with *os.File) error {
	mount, err := linux.CloneMount(with, false)
	if err != nil {
		return err
	}
	defer mount.Close()
	return linux.AttachMount(mount, target)
}

// existing opens a path without following any link, or returns nil if there is nothing.
func (r *Root) existing(name string) (*os.File, error) {
	f, err := linux.OpenIn(r.dir, rel(name), unix.O_PATH, 0, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_SYMLINKS)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return nil, nil //nolint:nilnil // nothing to mask is neither a file nor an error
	}
	return f, err
}
