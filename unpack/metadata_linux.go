package unpack

import (
	"archive/tar"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// xattrRecord is how PAX names an extended attribute; star invented it, and all
// tools that make layers use it.
const xattrRecord = "SCHILY.xattr."

// owner returns the owner of an entry. (uid_t)-1 means "leave it" to chown(2), so
// an archive must not be able to say it, nor anything that wraps around: it would
// end as the root that unpacks (the lesson of CVE-2024-40635).
func owner(h *tar.Header) (uid, gid int, err error) {
	for _, id := range []int{h.Uid, h.Gid} {
		if id < 0 || int64(id) >= math.MaxUint32 {
			return 0, 0, fmt.Errorf("the owner %d:%d is out of range", h.Uid, h.Gid)
		}
	}
	return h.Uid, h.Gid, nil
}

// mode returns the permissions with set-uid, set-gid and sticky.
func mode(h *tar.Header) uint32 { return uint32(h.Mode & 0o7777) }

// setOwnerMode sets owner and mode of an open file or directory. Owner first:
// chown(2) clears set-uid, set-gid and file capabilities.
func setOwnerMode(fd int, h *tar.Header) error {
	uid, gid, err := owner(h)
	if err != nil {
		return err
	}
	if err := unix.Fchown(fd, uid, gid); err != nil {
		return failed(err, "fchown(%d, %d)", uid, gid)
	}
	return failed(unix.Fchmod(fd, mode(h)), "fchmod(%#o)", mode(h))
}

// setOwnerModeAt is setOwnerMode for what cannot be opened without effect: fifos
// and devices. The descriptor of an O_PATH open stands for the thing itself, and
// the link in /proc leads to it whatever it is called by now, so no link in the
// tree is ever followed (CVE-2021-32760 was a chmod that did).
func setOwnerModeAt(dir int, name string, h *tar.Header) error {
	uid, gid, err := owner(h)
	if err != nil {
		return err
	}
	fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return failed(err, "openat(%s, O_PATH|O_NOFOLLOW)", shortName(name))
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.Fchownat(fd, "", uid, gid, unix.AT_EMPTY_PATH); err != nil {
		return failed(err, "fchownat(%d, %d, AT_EMPTY_PATH)", uid, gid)
	}
	self := fmt.Sprintf("/proc/self/fd/%d", fd)
	return failed(unix.Chmod(self, mode(h)), "chmod(%q, %#o)", self, mode(h))
}

// times returns access and modification time of an entry. Most archives have
// only the second.
func times(h *tar.Header) (atime, mtime unix.Timespec) {
	mtime = timespec(h.ModTime)
	if h.AccessTime.IsZero() {
		return mtime, mtime
	}
	return timespec(h.AccessTime), mtime
}

// timespec takes seconds and nanoseconds apart: UnixNano ends in the year 2262.
func timespec(t time.Time) unix.Timespec {
	return unix.Timespec{Sec: t.Unix(), Nsec: int64(t.Nanosecond())}
}

// setTimes never follows a link. ".", which is none, stands for dir itself.
func setTimes(dir int, name string, atime, mtime unix.Timespec) error {
	err := unix.UtimesNanoAt(dir, name, []unix.Timespec{atime, mtime}, unix.AT_SYMLINK_NOFOLLOW)
	return failed(err, "utimensat(%s, AT_SYMLINK_NOFOLLOW)", shortName(name))
}

// setXattrs gives an open file or directory the extended attributes of its entry;
// skipped hears of those that it does not get.
func setXattrs(fd int, h *tar.Header, skipped func(why string)) error {
	if len(h.PAXRecords) == 0 {
		return nil
	}
	for _, record := range slices.Sorted(maps.Keys(h.PAXRecords)) {
		name, ok := strings.CutPrefix(record, xattrRecord)
		if !ok {
			continue
		}
		if !xattrAllowed(name) {
			skipped(fmt.Sprintf("the extended attribute %q is none that an image may set", name))
			continue
		}
		value := h.PAXRecords[record]
		if len(value) > maxXattrSize {
			return fmt.Errorf("the extended attribute %q has %d bytes; Linux allows %d", name, len(value), maxXattrSize)
		}
		err := unix.Fsetxattr(fd, name, []byte(value), 0)
		if errors.Is(err, unix.ENOTSUP) {
			skipped(fmt.Sprintf("this file system does not store the extended attribute %q", name))
			continue
		}
		if err != nil {
			return failed(err, "fsetxattr(%q)", name)
		}
	}
	return nil
}

// xattrAllowed says which extended attributes a stranger may set: his own (user.)
// and file capabilities, which count only where the file does. trusted. and
// user.overlay. steer overlayfs, which learnbox mounts on the tree: an image could
// redirect its directories elsewhere (Linux, filesystems/overlayfs.rst). What is
// left of security. belongs to the policy of this machine, and system. holds its
// access lists, which Docker does not put into layers either.
func xattrAllowed(name string) bool {
	if strings.HasPrefix(name, "user.overlay.") {
		return false
	}
	return name == "security.capability" || strings.HasPrefix(name, "user.") && name != "user."
}

// dropXattrs takes from a directory what a lower layer gave it: the entry of a
// higher one says all there is to say, as overlayfs has it.
func dropXattrs(fd int) error {
	size, err := unix.Flistxattr(fd, nil)
	if errors.Is(err, unix.ENOTSUP) || err == nil && size == 0 {
		return nil
	}
	buf := make([]byte, max(size, 1))
	n, err := unix.Flistxattr(fd, buf)
	if err != nil {
		return failed(err, "flistxattr")
	}
	for name := range strings.SplitSeq(string(buf[:n]), "\x00") {
		if !xattrAllowed(name) {
			continue
		}
		if err := unix.Fremovexattr(fd, name); err != nil {
			return failed(err, "fremovexattr(%q)", name)
		}
	}
	return nil
}
