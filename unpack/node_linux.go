package unpack

import (
	"archive/tar"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// unwanted says why an entry is left out, and is empty for the others.
//
// Docker makes every device that an image holds and trusts the device cgroup to
// keep the container off it. The tree of learnbox outlives containers, so only the
// devices that the default rules allow are made. The others are left out rather
// than refused: images of whole distributions carry them, nobody can use them, and
// the container sees a fresh /dev anyway.
func (u *unpacker) unwanted(h *tar.Header) string {
	switch h.Typeflag {
	case tar.TypeBlock:
		return fmt.Sprintf("block device %d:%d: containers may not use it", h.Devmajor, h.Devminor)
	case tar.TypeChar:
		switch {
		case h.Devmajor == 0 && h.Devminor == 0:
			return "character device 0:0: overlayfs would take it for a whiteout"
		case !deviceAllowed(h.Devmajor, h.Devminor):
			return fmt.Sprintf("character device %d:%d: containers may not use it", h.Devmajor, h.Devminor)
		case u.noMknod:
			return "device: this process may not make devices"
		}
	}
	return ""
}

// deviceAllowed knows the character devices of Docker's default rules
// (devices.txt of the kernel has the numbers).
func deviceAllowed(major, minor int64) bool {
	switch major {
	case 1:
		switch minor {
		case 3, 5, 7, 8, 9: // null, zero, full, random, urandom
			return true
		}
	case 5:
		return minor >= 0 && minor <= 2 // tty, console, ptmx
	}
	return false
}

// makeNode makes a fifo or a device.
func (u *unpacker) makeNode(base string, h *tar.Header, kind uint32, dev uint64) error {
	at := u.tree.at.fd
	err := u.tree.place(base, func() error { return unix.Mknodat(at, base, kind|0o600, int(dev)) })
	if kind == unix.S_IFCHR && errors.Is(err, unix.EPERM) {
		u.noMknod = true // no CAP_MKNOD, or a user namespace: user_namespaces(7)
		u.skip(h, u.unwanted(h))
		return nil
	}
	if err != nil {
		return failed(err, "mknodat(%s, %#o, makedev(%d, %d))", shortName(base), kind|0o600, h.Devmajor, h.Devminor)
	}
	if err := setOwnerModeAt(at, base, h); err != nil {
		return err
	}
	atime, mtime := times(h)
	return setTimes(at, base, atime, mtime)
}
