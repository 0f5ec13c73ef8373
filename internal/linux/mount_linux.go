package linux

import (
	"cmp"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Mount is mount(2). An empty data is passed as NULL, which is what most file
// systems take quickest.
func Mount(source, target, fstype string, flags uintptr, data string) error {
	err := unix.Mount(source, target, fstype, flags, data)
	return Failed(err, "mount(%q, %q, %q, %s, %q)", source, target, fstype, MountFlags(flags), data)
}

// Unmount is umount2(2) with MNT_DETACH: the mount disappears from the tree at
// once and from the kernel when its last user goes.
func Unmount(target string) error {
	return Failed(unix.Unmount(target, unix.MNT_DETACH), "umount2(%q, MNT_DETACH)", target)
}

// PivotRoot is pivot_root(2).
func PivotRoot(newRoot, putOld string) error {
	return Failed(unix.PivotRoot(newRoot, putOld), "pivot_root(%q, %q)", newRoot, putOld)
}

// FDPath names an open descriptor so that calls which want a path can use it:
// nobody can swap what an open descriptor stands for (CVE-2021-30465).
func FDPath(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }

// CloneMount is open_tree(2) with OPEN_TREE_CLONE: a detached copy of the
// mount at f, a bind mount that has no place yet. recursive copies what is
// mounted below it too.
func CloneMount(f *os.File, recursive bool) (*os.File, error) {
	return openTree(int(f.Fd()), "", f.Name(), unix.AT_EMPTY_PATH, recursive)
}

// CloneMountAt is CloneMount for a path of the host.
func CloneMountAt(path string, recursive bool) (*os.File, error) {
	return openTree(unix.AT_FDCWD, path, "AT_FDCWD", 0, recursive)
}

func openTree(dir int, path, dirName string, how uint, recursive bool) (*os.File, error) {
	how |= unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC
	if recursive {
		how |= unix.AT_RECURSIVE
	}
	fd, err := unix.OpenTree(dir, path, how)
	if err := Failed(err, "open_tree(%s, %q, %s)", dirName, path, treeFlags(how)); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), cmp.Or(path, dirName)), nil
}

// AttachMount is move_mount(2): it gives the detached mount the place that
// target, an O_PATH descriptor, stands for.
func AttachMount(mount, target *os.File) error {
	err := unix.MoveMount(int(mount.Fd()), "", int(target.Fd()), "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH)
	return Failed(err, "move_mount(%q, \"\", %q, \"\", MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_EMPTY_PATH)", mount.Name(), target.Name())
}

// AttachMountAt is AttachMount for a name right below dir.
func AttachMountAt(mount, dir *os.File, name string) error {
	err := unix.MoveMount(int(mount.Fd()), "", int(dir.Fd()), name, unix.MOVE_MOUNT_F_EMPTY_PATH)
	return Failed(err, "move_mount(%q, \"\", %q, %q, MOVE_MOUNT_F_EMPTY_PATH)", mount.Name(), dir.Name(), name)
}

// SetMountFlags adds flags (MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC) to an
// attached mount. With recursive it adds them to all mounts below as well,
// which needs mount_setattr(2) of Linux 5.12; on an older kernel only the
// mount itself is changed.
func SetMountFlags(mount *os.File, flags uintptr, recursive bool) error {
	attr := unix.MountAttr{Attr_set: attrOf(flags)}
	how := uint(unix.AT_EMPTY_PATH)
	if recursive {
		how |= unix.AT_RECURSIVE
	}
	err := unix.MountSetattr(int(mount.Fd()), "", how, &attr)
	if err == nil || err != unix.ENOSYS {
		return Failed(err, "mount_setattr(%q, \"\", AT_EMPTY_PATH, {attr_set=%s})", mount.Name(), MountFlags(flags))
	}
	var st unix.Statfs_t // a remount replaces all flags: keep those that stand
	if err := Failed(unix.Fstatfs(int(mount.Fd()), &st), "fstatfs(%q)", mount.Name()); err != nil {
		return err
	}
	const kept = unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	return Mount("", FDPath(mount), "", unix.MS_BIND|unix.MS_REMOUNT|flags|uintptr(st.Flags&kept), "")
}

func attrOf(flags uintptr) uint64 {
	var attr uint64
	for _, p := range []struct{ ms, attr uint64 }{
		{unix.MS_RDONLY, unix.MOUNT_ATTR_RDONLY},
		{unix.MS_NOSUID, unix.MOUNT_ATTR_NOSUID},
		{unix.MS_NODEV, unix.MOUNT_ATTR_NODEV},
		{unix.MS_NOEXEC, unix.MOUNT_ATTR_NOEXEC},
	} {
		if uint64(flags)&p.ms != 0 {
			attr |= p.attr
		}
	}
	return attr
}

// NewMount makes a file system that is mounted nowhere (fsopen, fsconfig,
// fsmount) and returns a descriptor of its root. options are key, value pairs.
func NewMount(fstype string, attr int, options ...string) (*os.File, error) {
	fd, err := unix.Fsopen(fstype, unix.FSOPEN_CLOEXEC)
	if err := Failed(err, "fsopen(%q, FSOPEN_CLOEXEC)", fstype); err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	for i := 0; i+1 < len(options); i += 2 {
		if err := Failed(unix.FsconfigSetString(fd, options[i], options[i+1]), "fsconfig(%s, FSCONFIG_SET_STRING, %q, %q, 0)", fstype, options[i], options[i+1]); err != nil {
			return nil, err
		}
	}
	if err := Failed(unix.FsconfigCreate(fd), "fsconfig(%s, FSCONFIG_CMD_CREATE, NULL, NULL, 0)", fstype); err != nil {
		return nil, err
	}
	mnt, err := unix.Fsmount(fd, unix.FSMOUNT_CLOEXEC, attr)
	if err := Failed(err, "fsmount(%s, FSMOUNT_CLOEXEC, %#x)", fstype, attr); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(mnt), fstype), nil
}

// ProtectTree makes a mount and all mounts below it read-only, or fails:
// mount_setattr(2) of Linux 5.12 does it to all of them at once.
func ProtectTree(mount *os.File) error {
	err := unix.MountSetattr(int(mount.Fd()), "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
	return Failed(err, "mount_setattr(%q, \"\", AT_EMPTY_PATH|AT_RECURSIVE, {attr_set=MOUNT_ATTR_RDONLY})", mount.Name())
}
