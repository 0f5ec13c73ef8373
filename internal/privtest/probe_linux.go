package privtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// probeKernel tries a feature of the kernel.
func probeKernel(name string) error {
	switch name {
	case "root":
		return apart(0)
	case "cgroup":
		return probeCgroup()
	case "overlay":
		return probeOverlay()
	case "net":
		return apart(unix.CLONE_NEWNET, raiseLoopback)
	default:
		return fmt.Errorf("no probe for %q", name)
	}
}

// apart makes the calls on a thread that has a mount namespace of its own and
// whatever other namespaces the flags add, so that nothing is seen outside.
func apart(flags int, calls ...func() error) error {
	return OnThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNS | flags); err != nil {
			return fmt.Errorf("unshare: %w (run the tests as root)", err)
		}
		// Without this a mount would propagate to the machine where / is shared.
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			return fmt.Errorf("make the mounts private: %w", err)
		}
		for _, call := range calls {
			if err := call(); err != nil {
				return err
			}
		}
		return nil
	})
}

// probeOverlay mounts an overlay where tests will: in the temporary directory,
// whose file system must be able to hold an upper directory.
func probeOverlay() (err error) {
	dir, err := os.MkdirTemp("", "privtest-overlay-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for _, sub := range []string{"lower", "upper", "work", "merged"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			return err
		}
	}
	return apart(0, func() error {
		opts := fmt.Sprintf("lowerdir=%[1]s/lower,upperdir=%[1]s/upper,workdir=%[1]s/work", dir)
		if err := unix.Mount("overlay", filepath.Join(dir, "merged"), "overlay", 0, opts); err != nil {
			return fmt.Errorf("mount overlay in %s: %w", os.TempDir(), err)
		}
		return nil
	})
}

// raiseLoopback does what every container's network starts with: netdevice(7).
func raiseLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	defer func() { _ = unix.Close(fd) }()
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	ifr.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr); err != nil {
		return fmt.Errorf("raise lo in a new network namespace: %w", err)
	}
	return nil
}

// probeCgroup makes and removes a cgroup at the root of the hierarchy that limits
// the number of processes: the "pids" controller of version 1, or version 2. The
// hybrid layout of systemd mounts version 2 too, but without controllers.
func probeCgroup() error {
	mounts, err := cgroupMounts()
	if err != nil {
		return err
	}
	for _, m := range mounts {
		if !hasPids(m) {
			continue
		}
		dir := filepath.Join(m.dir, fmt.Sprintf("privtest-%d-%d", os.Getpid(), unix.Gettid()))
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		return os.Remove(dir)
	}
	return errors.New("no cgroup hierarchy with the pids controller is mounted")
}

// hasPids reports whether the hierarchy limits processes, see cgroups(7).
func hasPids(m cgroupMount) bool {
	if !m.v2 {
		return strings.Contains(","+m.options+",", ",pids,")
	}
	controllers, err := os.ReadFile(filepath.Join(m.dir, "cgroup.controllers"))
	return err == nil && strings.Contains(" "+strings.TrimSpace(string(controllers))+" ", " pids ")
}
