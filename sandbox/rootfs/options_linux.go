package rootfs

import (
	"strings"

	"golang.org/x/sys/unix"
)

// mountOptions are the options of one OCI mount, taken apart: flags for
// mount(2), data for the file system, and what concerns bind mounts only.
type mountOptions struct {
	flags     uintptr
	data      string
	bind      bool
	recursive bool
	shared    bool   // asked for, and refused
	subpath   string // of the source; "": all of it

	// propagation is how later mounts below travel: MS_PRIVATE not at all,
	// MS_SLAVE from the host into the container; 0 as those around it.
	propagation uintptr
}

// parseOptions reads the options as mount(8) and the OCI runtime
// specification (config.md, "Mounts") spell them. What is no flag is data.
func parseOptions(options []string) mountOptions {
	var m mountOptions
	var data []string
	for _, o := range options {
		if below, ok := strings.CutPrefix(o, "x-subpath="); ok { // package spec says what it means
			m.subpath = below
			continue
		}
		set, unset := flagOf(o)
		m.flags = m.flags&^unset | set
		switch {
		case o == "bind", o == "rbind":
			m.bind, m.recursive = true, o == "rbind"
		case o == "shared", o == "rshared":
			m.shared = true
		case o == "slave":
			m.propagation = unix.MS_SLAVE
		case o == "rslave":
			m.propagation = unix.MS_SLAVE | unix.MS_REC
		case o == "private":
			m.propagation = unix.MS_PRIVATE
		case o == "rprivate":
			m.propagation = unix.MS_PRIVATE | unix.MS_REC
		case o == "rw", o == "defaults", set != 0, unset != 0:
		default:
			data = append(data, o)
		}
	}
	m.data = strings.Join(data, ",")
	return m
}

// flagOf returns the bits that an option sets and unsets.
func flagOf(option string) (set, unset uintptr) {
	switch option {
	case "ro":
		return unix.MS_RDONLY, 0
	case "rw":
		return 0, unix.MS_RDONLY
	case "nosuid":
		return unix.MS_NOSUID, 0
	case "suid":
		return 0, unix.MS_NOSUID
	case "nodev":
		return unix.MS_NODEV, 0
	case "dev":
		return 0, unix.MS_NODEV
	case "noexec":
		return unix.MS_NOEXEC, 0
	case "exec":
		return 0, unix.MS_NOEXEC
	case "strictatime":
		return unix.MS_STRICTATIME, 0
	case "relatime":
		return unix.MS_RELATIME, 0
	case "noatime":
		return unix.MS_NOATIME, 0
	case "nodiratime":
		return unix.MS_NODIRATIME, 0
	case "sync":
		return unix.MS_SYNCHRONOUS, 0
	case "dirsync":
		return unix.MS_DIRSYNC, 0
	}
	return 0, 0
}
