package rootfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
)

// HostDevices describes the device node at a path of the host, or all nodes
// below a directory except those that every container has of its own:
// terminals, shared memory, message queues.
func HostDevices(path string) ([]specs.LinuxDevice, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("device: %w", err)
	}
	if !info.IsDir() {
		d, err := hostDevice(path)
		return []specs.LinuxDevice{d}, err
	}
	var all []specs.LinuxDevice
	err = filepath.WalkDir(path, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && ownDir(e.Name()):
			return fs.SkipDir
		case e.Type()&fs.ModeDevice == 0 || e.Name() == "console":
			return nil
		}
		d, err := hostDevice(name)
		if errors.Is(err, fs.ErrNotExist) { // unplugged meanwhile
			return nil
		}
		all = append(all, d)
		return err
	})
	return all, err
}

func ownDir(name string) bool {
	switch name {
	case "pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts":
		return true
	}
	return false
}

func hostDevice(path string) (specs.LinuxDevice, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return specs.LinuxDevice{}, linux.Failed(err, "stat(%q)", path)
	}
	kind := "c"
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFCHR:
	case unix.S_IFBLK:
		kind = "b"
	default:
		return specs.LinuxDevice{}, fmt.Errorf("%s is not a device", path)
	}
	mode := fs.FileMode(st.Mode & 0o777)
	return specs.LinuxDevice{
		Path: path, Type: kind, Major: int64(unix.Major(st.Rdev)), Minor: int64(unix.Minor(st.Rdev)),
		FileMode: &mode, UID: &st.Uid, GID: &st.Gid,
	}, nil
}
