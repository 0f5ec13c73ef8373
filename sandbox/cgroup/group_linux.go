package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A Group is one control group: on version 2 a directory, on version 1 one of
// the same path in each tree.
type Group struct {
	Path string // below the mount points: "learnbox-1f3a…"

	h Hierarchy
}

// A Mount is a directory of the host that a container should see, to be bound
// read-only below a tmpfs at its /sys/fs/cgroup.
type Mount struct {
	Source string   // the group's directory in one tree, absolute; on version 2 where the tree is mounted
	Name   string   // the directory for it in the tmpfs: "cpu,cpuacct"; on version 2 empty
	Links  []string // symbolic links to that directory: "cpu", "cpuacct"
}

// Create makes the group at path, relative to the mount points. It must not
// exist yet. Nothing is left of a group that could not be made completely.
func Create(h Hierarchy, path string) (*Group, error) {
	if len(h.Trees) == 0 {
		return nil, &notMountedError{}
	}
	g, err := Open(h, path)
	if err != nil {
		return nil, err
	}
	var made []string
	for i, dir := range g.Dirs() {
		if err = mkdirs(h.Trees[i].Dir, dir, h.prepare(i)); err != nil {
			if !errors.Is(err, fs.ErrExist) {
				made = append(made, dir)
			}
			break
		}
		made = append(made, dir)
	}
	if err == nil {
		if h.Version == 2 && g.InCommon() { // whoever made it, maybe just now
			handDown(h.Trees[0].Dir + "/" + common)
		}
		return g, nil
	}
	for _, dir := range slices.Backward(made) {
		_ = removeDir(dir)
	}
	g.removeParents()
	return nil, fmt.Errorf("create cgroup %s: %w", path, err)
}

// prepare is what a new directory in tree i needs before processes can enter it.
func (h Hierarchy) prepare(i int) func(dir string) error {
	if h.Version == 1 && slices.Contains(h.Trees[i].Controllers, "cpuset") {
		return inheritCpuset
	}
	return func(string) error { return nil }
}

// Open is the group at path, which need not exist: it can be removed all the
// same.
func Open(h Hierarchy, path string) (*Group, error) {
	path = filepath.Clean(path)
	if !filepath.IsLocal(path) || path == "." {
		return nil, fmt.Errorf("cgroup %q: not a path below the mount point", path)
	}
	return &Group{Path: path, h: h}, nil
}

// Exists reports whether the group is there, in one tree at least.
func (g *Group) Exists() bool {
	return slices.ContainsFunc(g.Dirs(), func(dir string) bool { return unix.Access(dir, unix.F_OK) == nil })
}

// Dirs are the group's directories, one for each tree.
func (g *Group) Dirs() []string {
	dirs := make([]string, len(g.h.Trees))
	for i, t := range g.h.Trees {
		dirs[i] = t.Dir + "/" + g.Path
	}
	return dirs
}

// Add moves a process with all its threads into the group.
//
// On version 1 this costs 5 to 20 milliseconds: the kernel first waits until no
// process is between fork and exit anywhere (an RCU grace period). Where the
// process is one's own child, let it be born in the group: [Group.Inside] and
// [Group.FD].
func (g *Group) Add(pid int) error {
	for _, dir := range g.Dirs() {
		if err := writeFile(dir+"/cgroup.procs", fmt.Sprint(pid)); err != nil {
			return fmt.Errorf("add process %d to cgroup %s: %w", pid, g.Path, err)
		}
	}
	return nil
}

// FD opens the group for clone3(2) with CLONE_INTO_CGROUP, which makes a
// process that never was elsewhere. It is nil on version 1, which cannot do
// that.
func (g *Group) FD() (*os.File, error) {
	if g.h.Version == 1 {
		return nil, nil //nolint:nilnil // the absence of a descriptor is an answer
	}
	f, err := os.Open(g.Dirs()[0])
	if err != nil {
		return nil, fmt.Errorf("open cgroup %s: %w", g.Path, err)
	}
	return f, nil
}

// Inside calls start such that the processes which it makes are born in the
// group. On version 2 that is for start to do, with the descriptor from
// [Group.FD].
//
// start is called on the same goroutine, locked to its thread. On version 1 the
// device rules of the group hold for it too, so files should be open already
// (os/exec opens /dev/null for a command without Stdin).
func (g *Group) Inside(start func() error) error {
	if g.h.Version == 2 {
		return start()
	}
	if err := g.insideV1(start); err != nil {
		return fmt.Errorf("start in cgroup %s: %w", g.Path, err)
	}
	return nil
}

// Procs lists the processes in the group and in groups below it. A group that
// does not exist has none.
func (g *Group) Procs() ([]int, error) {
	var all []int
	for _, dir := range g.Dirs() {
		pids, err := procsBelow(dir)
		if err != nil {
			return nil, fmt.Errorf("processes of cgroup %s: %w", g.Path, err)
		}
		all = append(all, pids...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// Kill sends SIGKILL to every process in the group and in groups below it, and
// returns when none is left. It never kills the calling process.
func (g *Group) Kill() error {
	kill := g.killV1
	if g.h.Version == 2 {
		kill = g.killV2
	}
	if err := kill(); err != nil {
		return fmt.Errorf("kill cgroup %s: %w", g.Path, err)
	}
	return nil
}

// Remove removes the group, groups below it, and groups above it that are empty
// then. It must have no processes any more; those that are just dying are
// waited for. A group that does not exist is removed.
func (g *Group) Remove() error {
	var errs []error
	for _, dir := range g.Dirs() {
		errs = append(errs, removeDir(dir))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("remove cgroup %s: %w", g.Path, err)
	}
	g.removeParents()
	return nil
}

// InCommon reports whether the group stands in the common group.
func (g *Group) InCommon() bool { return filepath.Dir(g.Path)+"/" == g.h.Common }

// BelowOthers reports whether the group stands in one that somebody chose, which may have
// limits of its own.
func (g *Group) BelowOthers() bool { return filepath.Dir(g.Path) != "." && !g.InCommon() }

// removeParents removes what Create made above the group, for this container or
// another, and the common group, whoever made it. The kernel refuses where somebody
// still needs it.
func (g *Group) removeParents() {
	for _, t := range g.h.Trees {
		for p := filepath.Dir(g.Path); p != "."; p = filepath.Dir(p) {
			dir := t.Dir + "/" + p
			if _, err := unix.Getxattr(dir, ours, nil); err != nil && !g.InCommon() || rmdir(dir) != nil {
				break
			}
		}
	}
}

// Mounts says what a container in the group should see at /sys/fs/cgroup. On
// version 2 that is the one tree, for those who have no cgroup namespace of their
// own: a mount of type cgroup2 shows the others just their group, cgroup_namespaces(7).
func (g *Group) Mounts() []Mount {
	if g.h.Version == 2 {
		return []Mount{{Source: g.h.Trees[0].Dir}}
	}
	mounts := make([]Mount, 0, len(g.h.Trees))
	for i, dir := range g.Dirs() {
		controllers := g.h.Trees[i].Controllers
		m := Mount{Source: dir, Name: strings.TrimPrefix(strings.Join(controllers, ","), "name=")}
		if len(controllers) > 1 {
			m.Links = controllers
		}
		mounts = append(mounts, m)
	}
	return mounts
}
