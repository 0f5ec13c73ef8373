package evidence

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// This file holds the probes that read the table of mounts, proc_pid_mountinfo(5).

// mounts are the rows of the mount table. They are compared as the kernel wrote
// them, and told without the numbers of mounts and devices: what is mounted
// where, as what.
func mounts(step string) probe {
	return probe{fact: "mount", list: true, steady: true, show: mountRow, of: mountedBy(step), read: func(s Subject) (string, []string) {
		return s.proc("mountinfo"), s.lines(s.proc("mountinfo"))
	}}
}

// mountedBy tells which rows are of what a step mounts, whoever has mounted more since.
func mountedBy(step string) func(Subject, string) bool {
	return func(s Subject, line string) bool {
		f := strings.Fields(line)
		if len(f) < 6 {
			return false
		}
		point, inside := strings.CutPrefix(f[4], s.Merged)
		return inside && (point == "" || point[0] == '/') && slices.Contains(stepsAt(point), step)
	}
}

// stepsAt are the steps that mount at a path of the container, or change what is mounted there.
func stepsAt(point string) []string {
	switch point {
	case "", "/":
		return []string{"rootfs.overlay", "rootfs.pivot", "rootfs.readonly"}
	case "/proc", "/dev", "/sys", "/dev/shm", "/dev/mqueue":
		return []string{"rootfs." + filepath.Base(point)}
	case "/dev/pts":
		return []string{"rootfs.devpts"}
	case "/dev/console":
		return []string{"tty.open"}
	case "/etc/hosts", "/etc/hostname", "/etc/resolv.conf":
		return []string{"rootfs.etc"}
	}
	switch {
	case strings.HasPrefix(point+"/", "/sys/fs/cgroup/"):
		return []string{"rootfs.cgroup"}
	case strings.HasPrefix(point, "/proc/"), strings.HasPrefix(point, "/sys/"):
		return []string{"rootfs.mask"}
	}
	return []string{"rootfs.volumes"}
}

// mountRow makes "overlay on / (rw,relatime)" of a line of mountinfo.
func mountRow(s Subject, line string) string {
	f := strings.Fields(line)
	dash := slices.Index(f, "-")
	if dash < 6 || len(f) < dash+4 {
		return line
	}
	what := f[dash+1]
	if f[3] != "/" { // a part of a file system, bound here
		what += " " + f[3]
	}
	return strings.ReplaceAll(fmt.Sprintf("%s on %s (%s)", what, f[4], f[5]), s.Dir+"/merged", "MERGED")
}

// propagation counts the rows that are tied to mounts of another namespace.
func propagation() probe {
	return probe{fact: "mounts tied to others", read: func(s Subject) (string, []string) {
		all, tied := s.lines(s.proc("mountinfo")), 0
		for _, l := range all {
			before, _, _ := strings.Cut(l, " - ")
			if strings.Contains(before, " shared:") || strings.Contains(before, " master:") {
				tied++
			}
		}
		if len(all) == 0 {
			return s.proc("mountinfo"), nil
		}
		return s.proc("mountinfo"), []string{fmt.Sprintf("%d of %d", tied, len(all))}
	}}
}
