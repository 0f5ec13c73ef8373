package main

import (
	"errors"
	"os"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/lifecycle/cp"
	"github.com/learnbox/learnbox/sandbox/spec"
)

// errReadOnly is what a container itself would be told, in Docker's words.
var errReadOnly = errors.New("container rootfs is marked read-only")

// treeOf opens the tree that a path in a container belongs to, and returns the path
// in that tree.
func (a *app) treeOf(end cpEnd, write bool) (tree *cp.Root, inTree string, release func() error, err error) {
	all, ct, err := a.knownContainer("cp", end.container)
	if err != nil {
		return nil, "", nil, err
	}
	inTree = "/" + strings.TrimLeft(end.path, "/")
	if !ct.State.Status.Alive() {
		_, config, err := all.Definition(ct.ID)
		if err != nil {
			return nil, "", nil, err
		}
		if m, rest, ok := volumeAt(config, inTree); ok {
			return volumeTree(m, rest, write)
		}
		if write && config.Root != nil && config.Root.Readonly {
			return nil, "", nil, errReadOnly
		}
	}
	root, release, err := all.Root(ct)
	if errors.Is(err, lifecycle.ErrRunning) && !errors.Is(err, lifecycle.ErrRestarting) {
		err = hintedError{errors.New("the container is being started or removed"), "try again"}
	}
	if err != nil {
		return nil, "", nil, err
	}
	return cp.Inside(root), inTree, release, nil
}

// volumeAt finds the mount of a container at rest in which a path lies, by its
// words, and what of the path remains. The mounts are not there, so no link
// leads into one.
func volumeAt(config *specs.Spec, p string) (m specs.Mount, rest string, ok bool) {
	clean := path.Clean(p)
	for _, m := range slices.Backward(config.Mounts) {
		below, inside := strings.CutPrefix(clean+"/", strings.TrimRight(m.Destination, "/")+"/")
		if m.Type == "bind" && inside {
			return m, strings.TrimRight("/"+below, "/") + ending(p), true
		}
	}
	return specs.Mount{}, "", false
}

// ending is what path.Clean takes away from the end of a path, and means something.
func ending(p string) string {
	for _, end := range []string{"/.", "/"} {
		if strings.HasSuffix(p, end) {
			return end
		}
	}
	return ""
}

// volumeTree is the tree of one mount. If it is a file, then the tree is the
// directory that holds it.
func volumeTree(m specs.Mount, rest string, write bool) (*cp.Root, string, func() error, error) {
	if write && slices.Contains(m.Options, "ro") {
		return nil, "", nil, errors.New("mounted volume is marked read-only")
	}
	source := m.Source
	if info, err := os.Stat(source); err == nil && !info.IsDir() {
		source, rest = path.Dir(source), "/"+path.Base(source)+rest
	}
	dir, rest, err := openPart(source, firstOf(subpathOf(m), "."), rest)
	if err != nil {
		return nil, "", nil, err
	}
	return cp.Inside(dir), firstOf(rest, "/"), dir.Close, nil
}

// subpathOf is the part of its source that a mount shows, or nothing for all of it.
func subpathOf(m specs.Mount) string {
	for _, o := range m.Options {
		if part, ok := strings.CutPrefix(o, spec.SubpathOption); ok {
			return part
		}
	}
	return ""
}

// openPart opens a part of a volume, or the directory of the volume that holds it. No link
// leads out of the volume.
func openPart(volume, part, rest string) (*os.File, string, error) {
	root, err := os.OpenRoot(volume)
	if err != nil {
		return nil, "", err
	}
	defer root.Close()
	if info, err := root.Stat(part); err == nil && !info.IsDir() {
		part, rest = path.Dir(part), "/"+path.Base(part)+rest
	}
	dir, err := root.Open(part)
	return dir, rest, err
}
