package rootfs

import (
	"errors"
	"io/fs"
	"os"
	"path"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
)

func parent(name string) string { return path.Dir(path.Clean("/" + name)) }
func base(name string) string   { return path.Base(path.Clean("/" + name)) }

// standardDevices are what every container has (config-linux.md, "Default
// Devices"); /dev/console and /dev/ptmx are no nodes of their own.
func standardDevices() []specs.LinuxDevice {
	mode := os.FileMode(0o666)
	node := func(name string, major, minor int64) specs.LinuxDevice {
		return specs.LinuxDevice{Path: "/dev/" + name, Type: "c", Major: major, Minor: minor, FileMode: &mode}
	}
	return []specs.LinuxDevice{
		node("null", 1, 3), node("zero", 1, 5), node("full", 1, 7),
		node("random", 1, 8), node("urandom", 1, 9), node("tty", 5, 0),
	}
}

// PopulateDev fills the fresh tmpfs at /dev: the standard devices, those asked
// for, and the usual links.
func (r *Root) PopulateDev(extra []specs.LinuxDevice) error {
	dev, err := r.realDir("/dev")
	if err != nil {
		return err
	}
	defer dev.Close()
	for _, d := range append(standardDevices(), extra...) {
		if err := r.mknod(dev, d); err != nil {
			return err
		}
	}
	for _, l := range [][2]string{
		{"/proc/self/fd", "fd"},
		{"/proc/self/fd/0", "stdin"},
		{"/proc/self/fd/1", "stdout"},
		{"/proc/self/fd/2", "stderr"},
		{"/proc/kcore", "core"},
		{"pts/ptmx", "ptmx"},
	} {
		if err := linux.SymlinkAt(l[0], dev, l[1]); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// mknod makes one device node; an existing one (from --device /dev/null, say) stays.
// The process's umask must be 0.
func (r *Root) mknod(dev *os.File, d specs.LinuxDevice) error {
	dir := dev
	if parent(d.Path) != "/dev" {
		f, err := r.realDir(parent(d.Path))
		if err != nil {
			return err
		}
		defer f.Close()
		dir = f
	}
	mode := uint32(0o666)
	if d.FileMode != nil {
		mode = uint32(d.FileMode.Perm())
	}
	switch d.Type {
	case "b":
		mode |= unix.S_IFBLK
	case "p":
		mode |= unix.S_IFIFO
	default:
		mode |= unix.S_IFCHR
	}
	err := linux.MknodAt(dir, base(d.Path), mode, uint32(d.Major), uint32(d.Minor))
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil || d.UID == nil && d.GID == nil {
		return err
	}
	return unix.Fchownat(int(dir.Fd()), base(d.Path), int(value(d.UID)), int(value(d.GID)), unix.AT_SYMLINK_NOFOLLOW)
}

func value(id *uint32) uint32 {
	if id == nil {
		return 0
	}
	return *id
}

// BindConsole puts the terminal's own end of a pty at /dev/console, where
// programs that ask for the system console find it.
func (r *Root) BindConsole(slave *os.File) error {
	target, err := r.openFile("/dev/console")
	if err != nil {
		return err
	}
	defer target.Close()
	mount, err := linux.CloneMount(slave, false)
	if err != nil {
		return err
	}
	defer mount.Close()
	return linux.AttachMount(mount, target)
}

// OpenPtmx opens a new pty master of the container's own devpts.
func (r *Root) OpenPtmx() (*os.File, error) {
	return linux.OpenIn(r.dir, "dev/pts/ptmx", unix.O_RDWR|unix.O_NOCTTY, 0, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_SYMLINKS)
}
