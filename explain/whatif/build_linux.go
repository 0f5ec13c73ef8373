package whatif

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
)

// Build makes a shield of the process that calls it, which must be the first of
// new mount, pid, network, uts and ipc namespaces: it gives it a root that is
// the machine's and cannot be written. After an execve the process is ready.
// The caller has locked the goroutine to the leader thread, because a cgroup
// namespace is a thread's.
func Build(s Setup) error {
	if err := linux.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	shown, err := s.open()
	if err != nil {
		return err
	}
	if err := s.enter(); err != nil {
		return err
	}
	if err := mountProc(); err != nil {
		return err
	}
	if err := s.mountRoot(); err != nil {
		return err
	}
	for _, m := range s.Groups {
		if err := linux.Unmount(m.At); err != nil {
			return err
		}
	}
	for _, m := range shown {
		if err := m.attach(); err != nil {
			return err
		}
	}
	if err := linux.Unshare(unix.CLONE_NEWCGROUP); err != nil {
		return err
	}
	if err := furnish(); err != nil {
		return err
	}
	// As systemd leaves the mounts of a machine: what is mounted in a copy of this
	// table appears here as well, unless the container cuts that.
	return linux.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, "")
}

// A copied is a mount that has no place yet.
type copied struct {
	mount    *os.File
	at       string
	readonly bool
}

func (c copied) attach() error {
	defer c.mount.Close()
	if c.readonly {
		if err := linux.ProtectTree(c.mount); err != nil {
			return err
		}
	}
	place, err := linux.Open(c.at, unix.O_PATH)
	if err != nil {
		return err
	}
	defer place.Close()
	return linux.AttachMount(c.mount, place)
}

// images are the directories of the data root that a run reads.
func images() []string { return []string{"images", "rootfs"} }

// open copies what the shield will show, while it can be reached.
func (s Setup) open() ([]copied, error) {
	var all []copied
	for _, name := range images() {
		m, err := linux.CloneMountAt(filepath.Join(s.Root, name), false)
		if err != nil {
			return nil, err
		}
		all = append(all, copied{m, filepath.Join(s.Root, name), true})
	}
	for _, g := range s.Groups {
		m, err := linux.CloneMountAt(g.Source, false)
		if err != nil {
			return nil, err
		}
		all = append(all, copied{m, g.At, false})
	}
	return all, nil
}

// enter makes a read-only copy of the whole tree the root, and lets go of the
// original.
func (s Setup) enter() error {
	tree, err := linux.CloneMountAt("/", true)
	if err != nil {
		return err
	}
	defer tree.Close()
	if err := linux.ProtectTree(tree); err != nil {
		return fmt.Errorf("protect the machine's files: %w", err)
	}
	place, err := linux.Open(s.Place, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer place.Close()
	if err := linux.AttachMount(tree, place); err != nil {
		return err
	}
	if err := unix.Fchdir(int(tree.Fd())); err != nil {
		return linux.Failed(err, "fchdir(%q)", s.Place)
	}
	if err := linux.PivotRoot(".", "."); err != nil {
		return err
	}
	if err := linux.Unmount("."); err != nil {
		return err
	}
	return linux.Chdir("/")
}

// mountProc shows the processes of the shield. The mount is read-only: what is
// in /proc/sys is the machine's.
func mountProc() error {
	if err := linux.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return err
	}
	proc, err := linux.Open("/proc", unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer proc.Close()
	return linux.ProtectTree(proc)
}

// mountRoot puts an empty data root in memory over learnbox's own.
func (s Setup) mountRoot() error {
	if err := linux.Mount("tmpfs", s.Root, "tmpfs", 0, "mode=711"); err != nil {
		return err
	}
	for _, name := range images() {
		if err := os.Mkdir(filepath.Join(s.Root, name), 0o700); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(s.Root, MarkerName), []byte(s.Marker+"\n"), 0o644) // whoever finds it may read it
}

// furnish puts something into each namespace that can be seen from inside.
func furnish() error {
	if err := linux.SetHostname(Hostname); err != nil {
		return err
	}
	if err := linux.AddBridge(Link); err != nil && !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.ENOPKG) {
		return err
	}
	return linux.SharedMemory(0x1ea2b, 4096)
}
