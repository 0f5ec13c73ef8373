package rootfs

import (
	"errors"
	"fmt"
	"os"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
)

// Mount makes one mount of config.json inside the root. File systems need a
// real directory to stand on; bind mounts may go through the image's links.
func (r *Root) Mount(m specs.Mount) error {
	o := parseOptions(m.Options)
	if o.bind || m.Type == "bind" {
		return r.bind(m, o)
	}
	covered, err := r.existing(m.Destination)
	if err != nil && !errors.Is(err, unix.ELOOP) { // realDir words that one
		return err
	}
	target, err := r.realDir(m.Destination)
	if err != nil {
		return err
	}
	defer target.Close()
	if covered != nil {
		defer covered.Close()
		if m.Type == "tmpfs" {
			o.data = keepMode(covered, o.data)
		}
	}
	return linux.Mount(m.Source, linux.FDPath(target), m.Type, o.flags, o.data)
}

// keepMode gives a tmpfs the permissions of the directory that it covers,
// unless its options name others. Where there was none the kernel's own
// default stays, 1777.
func keepMode(dir *os.File, data string) string {
	st, err := linux.Stat(dir)
	if err != nil || strings.Contains(data, "mode=") {
		return data
	}
	mode := fmt.Sprintf("mode=%o", st.Mode&0o7777)
	if data == "" {
		return mode
	}
	return data + "," + mode
}

// bind attaches a copy of the host's mount at m.Source. The copy is made
// first and attached by descriptor; flags are set on the very mount that was
// attached, so no path is walked twice.
func (r *Root) bind(m specs.Mount, o mountOptions) error {
	if o.shared {
		return &SharedError{m.Destination}
	}
	mount, err := cloneSource(m.Source, o)
	if err != nil {
		return err
	}
	defer mount.Close()
	target, err := r.bindTarget(m.Destination, linux.IsDir(mount))
	if err != nil {
		return err
	}
	defer target.Close()
	if err := linux.AttachMount(mount, target); err != nil {
		return err
	}
	return restrict(mount, o)
}

// cloneSource copies the mount at a path of the host. What is below it may be another
// container's, which could put a link there at any time, so the kernel keeps the walk
// inside (CVE-2021-25741 came of a look before the walk).
func cloneSource(source string, o mountOptions) (*os.File, error) {
	if o.subpath == "" {
		return linux.CloneMountAt(source, o.recursive)
	}
	base, err := linux.Open(source, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer base.Close()
	below, err := linux.OpenIn(base, o.subpath, unix.O_PATH, 0, unix.RESOLVE_BENEATH)
	if err != nil {
		return nil, &SubpathError{o.subpath, err}
	}
	defer below.Close()
	return linux.CloneMount(below, o.recursive)
}

func restrict(mount *os.File, o mountOptions) error {
	if o.propagation != 0 {
		if err := linux.Mount("", linux.FDPath(mount), "", o.propagation, ""); err != nil {
			return err
		}
	}
	if limits := o.flags & (unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC); limits != 0 {
		return linux.SetMountFlags(mount, limits, o.recursive)
	}
	return nil
}

// bindTarget opens the place for a bind mount: a directory for a directory, a
// file for anything else.
func (r *Root) bindTarget(name string, dir bool) (*os.File, error) {
	open := r.openFile
	if dir {
		open = func(name string) (*os.File, error) { return r.openDir(name, unix.RESOLVE_IN_ROOT) }
	}
	target, err := open(name)
	if err != nil {
		return nil, err
	}
	if !dir && linux.IsDir(target) {
		target.Close()
		return nil, fmt.Errorf("mount a file on %s: %w there in the image", name, unix.EISDIR)
	}
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(target.Fd()), &st); err == nil && st.Type == unix.PROC_SUPER_MAGIC {
		target.Close()
		return nil, &ProcTargetError{name}
	}
	return target, nil
}

// A HostDir is a directory of the host that MountDirs shows under a name.
type HostDir struct {
	Source string   // absolute
	Name   string   // the directory for it
	Links  []string // symbolic links to that
}

// MountDirs mounts a tmpfs at a directory of the container and, inside it,
// each of the host's directories, without what is mounted below those.
func (r *Root) MountDirs(at string, dirs []HostDir, readonly bool) error {
	if err := r.Mount(specs.Mount{Destination: at, Type: "tmpfs", Source: "tmpfs", Options: []string{"mode=755"}}); err != nil {
		return err
	}
	top, err := r.realDir(at)
	if err != nil {
		return err
	}
	defer top.Close()
	flags := uintptr(unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC)
	if readonly {
		flags |= unix.MS_RDONLY
	}
	for _, d := range dirs {
		if err := attachDir(top, d, flags); err != nil {
			return err
		}
	}
	return linux.SetMountFlags(top, flags, false)
}

func attachDir(top *os.File, d HostDir, flags uintptr) error {
	mount, err := linux.CloneMountAt(d.Source, false)
	if err != nil {
		return err
	}
	defer mount.Close()
	if err := linux.MkdirAt(top, d.Name, 0o755); err != nil {
		return err
	}
	if err := linux.AttachMountAt(mount, top, d.Name); err != nil {
		return err
	}
	if err := linux.SetMountFlags(mount, flags, false); err != nil {
		return err
	}
	for _, name := range d.Links {
		if err := linux.SymlinkAt(d.Name, top, name); err != nil {
			return err
		}
	}
	return nil
}
