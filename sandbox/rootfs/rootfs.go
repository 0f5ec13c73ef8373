// Package rootfs gives a container a file system of its own.
//
// The kernel offers a mount namespace: a private copy of the mount table.
// In it learnbox cuts the propagation of mounts, stacks a writable layer on
// the image with overlayfs, mounts what every Linux program expects (/proc,
// /dev, /sys), makes the result the new "/" with pivot_root(2), lets go of
// the old one, and covers the places that would tell about the host or change
// it. None of this ever stands in the host's mount table.
//
// The image is a stranger's. Every path in it is resolved by openat2(2) below
// a descriptor of the new root, and mounted on by descriptor, so that neither
// ".." nor a symbolic link nor a swap in between leads to the host
// (CVE-2021-30465, CVE-2019-19921). /proc, /sys and /dev must be real
// directories (CVE-2023-27561, CVE-2023-28642).
//
// Left out: shared propagation towards the host, and id-mapped mounts.
package rootfs

import (
	"fmt"
	"strings"
)

// An Overlay names the directories of an overlay mount, all absolute: the
// flattened image below, what the container writes above, and a work
// directory on the same file system as Upper. See the kernel's
// Documentation/filesystems/overlayfs.rst.
type Overlay struct {
	Lower, Upper, Work string

	// Volatile leaves out all syncing of Upper to disk, for a container whose
	// layer is thrown away with it.
	Volatile bool
}

func (o Overlay) options() string {
	return fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", escape(o.Lower), escape(o.Upper), escape(o.Work))
}

// escape protects what overlayfs would read as a separator in its options.
func escape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `:`, `\:`, `,`, `\,`).Replace(path)
}

// A SymlinkError reports a place in the image that must be a directory of its
// own but is a symbolic link.
type SymlinkError struct{ Path string }

func (e *SymlinkError) Error() string {
	return fmt.Sprintf("%s is a symbolic link in the image; learnbox mounts there only on a real directory", e.Path)
}

// Hint says why such an image is refused.
func (e *SymlinkError) Hint() string {
	return "a link at this place has been used to make runtimes mount over the host's files (CVE-2023-27561); rebuild the image with a directory"
}

// A ProcTargetError reports a volume inside /proc.
type ProcTargetError struct{ Path string }

func (e *ProcTargetError) Error() string {
	return fmt.Sprintf("%s lies inside /proc, where nothing may be mounted by a user", e.Path)
}

// Hint says why.
func (e *ProcTargetError) Hint() string {
	return "a mount there can disarm the protections that are written through /proc (CVE-2019-16884)"
}

// A SharedError reports a volume whose mounts were to appear on the host.
type SharedError struct{ Path string }

func (e *SharedError) Error() string { return fmt.Sprintf("%s: shared propagation is refused", e.Path) }

// Hint says why.
func (e *SharedError) Hint() string {
	return "what the container mounts there would stand in the host's mount table; rslave lets the host's mounts in"
}

// A SubpathError reports a part of a volume that cannot be shown.
type SubpathError struct {
	Path string
	Err  error
}

func (e *SubpathError) Error() string {
	return fmt.Sprintf("cannot access path %s in the volume: %v", e.Path, e.Err)
}

func (e *SubpathError) Unwrap() error { return e.Err }

// Hint says what is wanted.
func (e *SubpathError) Hint() string {
	return "it must be in the volume before the start, and no link on the way may lead out of the volume"
}
