package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
	"github.com/learnbox/learnbox/sandbox/rootfs"
	"github.com/learnbox/learnbox/sandbox/tty"
)

// This file holds the steps that build the file system. Package rootfs has
// the mechanisms; here is only what the plan wants of them.

func (g *guest) cutPropagation() error {
	slave := slices.ContainsFunc(g.Mounts, func(m specs.Mount) bool {
		return slices.Contains(m.Options, "rslave") || slices.Contains(m.Options, "slave")
	})
	return rootfs.CutPropagation(slave)
}

func (g *guest) mountOverlay() error {
	if err := g.Overlay.Mount(g.Merged); err != nil {
		return err
	}
	root, err := rootfs.Open(g.Merged)
	g.root = root
	return err
}

// mount makes the mounts of config.json that belong to a step.
func mount(step string) func(*guest) error {
	return func(g *guest) error {
		for _, m := range g.mountsOf(step) {
			if err := g.root.Mount(m); err != nil {
				return err
			}
		}
		return nil
	}
}

func (g *guest) mountDev() error {
	if err := mount("rootfs.dev")(g); err != nil {
		return err
	}
	if g.mountsOf("rootfs.dev")[0].Type != "tmpfs" {
		return nil // the host's /dev as a volume is left as it is
	}
	if err := g.root.PopulateDev(g.Devices); err != nil {
		return err
	}
	return g.useOwnNull()
}

// useOwnNull replaces the host's /dev/null among the standard streams by the
// container's: a chmod of /proc/self/fd/0 would change the host's.
func (g *guest) useOwnNull() error {
	null, err := g.root.OpenNull()
	if err != nil {
		return err
	}
	defer null.Close()
	for fd := range 3 {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) != nil || st.Rdev != unix.Mkdev(1, 3) {
			continue
		}
		if err := unix.Dup3(int(null.Fd()), fd, 0); err != nil {
			return linux.Failed(err, "dup3(%s, %d, 0)", null.Name(), fd)
		}
	}
	return nil
}

// mountCgroup shows the container its own group. On cgroup v2 that is one
// mount, which the cgroup namespace cuts down to it; on v1 a tmpfs with one
// directory of the host a tree.
//
// Without that namespace it is the machine's own mount once more. A new one would
// set the options of the tree anew, for everybody: nsdelegate, which systemd
// wants, would be off (kernel/cgroup/cgroup.c, apply_cgroup_root_flags).
func (g *guest) mountCgroup() error {
	m, first := g.mountsOf("rootfs.cgroup")[0], g.Cgroups[0]
	switch {
	case m.Type != "cgroup":
		return g.root.Mount(m)
	case first.Name == "" && hasNamespace(g.Namespaces, specs.CgroupNamespace):
		m.Type, m.Source = "cgroup2", "cgroup"
		return g.root.Mount(m)
	case first.Name == "":
		m.Type, m.Source = "bind", first.Source
		return g.root.Mount(m)
	}
	dirs := make([]rootfs.HostDir, len(g.Cgroups))
	for i, c := range g.Cgroups {
		dirs[i] = rootfs.HostDir(c)
	}
	return g.root.MountDirs(m.Destination, dirs, slices.Contains(m.Options, "ro"))
}

// openTerminal opens a pty of the container, gives it its size before anybody
// can ask, and hands the master to the parent.
func (g *guest) openTerminal() error {
	master, err := g.newTerminal()
	if err != nil {
		return err
	}
	defer master.Close()
	if err := g.root.BindConsole(g.slave); err != nil {
		return err
	}
	return g.ch.send(&message{Terminal: true}, master)
}

// newTerminal opens a pty and sets its size.
func (g *guest) newTerminal() (master *os.File, err error) {
	if master, err = g.root.OpenPtmx(); err != nil {
		return nil, err
	}
	g.slave, err = tty.Peer(master)
	if err == nil && g.Size != (tty.Size{}) {
		err = tty.SetSize(master, g.Size)
	}
	if err != nil {
		return nil, errors.Join(err, master.Close())
	}
	return master, nil
}

func (g *guest) pivot() error { return g.root.Pivot() }

// writeSysctls writes below a procfs of its own that is mounted nowhere, so
// that nothing in the container's tree can redirect the write (CVE-2025-52881).
func (g *guest) writeSysctls() error {
	proc, err := linux.NewMount("proc", 0)
	if err != nil {
		return err
	}
	defer proc.Close()
	for name, value := range g.Sysctl {
		file := "sys/" + strings.ReplaceAll(name, ".", "/")
		f, err := linux.OpenIn(proc, file, unix.O_WRONLY, 0, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_SYMLINKS)
		if err != nil {
			return fmt.Errorf("sysctl %s: %w", name, err)
		}
		if err = errors.Join(linux.WriteOnce(f, value), f.Close()); err != nil {
			return fmt.Errorf("sysctl %s=%s: %w", name, value, err)
		}
	}
	return nil
}

func (g *guest) mask() error {
	if err := g.root.Mask(g.MaskedPaths); err != nil {
		return err
	}
	return g.root.ProtectPaths(g.ReadonlyPaths)
}

func (g *guest) setReadOnly() error { return g.root.SetReadOnly("/") }

// enterWorkdir makes the working directory if the image lacks it, as Docker
// does, enters it by descriptor, and asks the kernel where that is: a
// directory outside the root shows as "(unreachable)…" (CVE-2024-21626).
func (g *guest) enterWorkdir() error {
	open := g.root.MakeDir
	if g.Enters { // a container that is there already is not changed
		open = g.root.OpenDir
	}
	dir, err := open(g.Process.Cwd)
	if err != nil && g.Enters {
		return &ProgramError{Text: "the working directory " + g.Process.Cwd, Err: err, Code: 126}
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := linux.Fchdir(dir); err != nil {
		return fmt.Errorf("enter the working directory %s: %w", g.Process.Cwd, err)
	}
	buf := make([]byte, unix.PathMax)
	n, err := unix.Getcwd(buf)
	if err != nil || n < 2 || !path.IsAbs(string(buf[:n-1])) {
		return fmt.Errorf("the working directory %s leads out of the container: %w", g.Process.Cwd, errors.Join(fs.ErrInvalid, err))
	}
	return nil
}

// ownStdio gives the program's standard streams to its user, so that
// /dev/stdout can be opened again by name. A file that cannot be given away
// (/dev/null, a read-only mount) stays.
func (g *guest) ownStdio() {
	uid := int(g.Process.User.UID)
	for fd := range 3 {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil && st.Rdev != unix.Mkdev(1, 3) {
			_ = unix.Fchown(fd, uid, -1)
		}
	}
}
