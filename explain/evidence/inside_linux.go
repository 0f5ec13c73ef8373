package evidence

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
)

// Two things the kernel shows only to those who are inside: the hostname, and
// the parameters of a network. A thread of ours goes there to look.

// hostname is uname(2) in the uts namespace of the process.
func hostname() probe {
	return probe{fact: "hostname", read: func(s Subject) (string, []string) {
		var name []string
		_ = linux.Inside(s.proc("ns/uts"), unix.CLONE_NEWUTS, func() error {
			host, err := os.Hostname()
			name = []string{host}
			return err
		}) // a process that is gone has no hostname
		return "uname(2) in " + s.proc("ns/uts"), name
	}}
}

// sysctls are the parameters that the run sets, as the process sees them.
func sysctls() probe {
	return probe{fact: "sysctl", list: true, read: func(s Subject) (string, []string) {
		var values []string
		_ = linux.Inside(s.proc("ns/net"), unix.CLONE_NEWNET, func() error {
			return linux.Inside(s.proc("ns/ipc"), unix.CLONE_NEWIPC, func() error {
				for _, name := range s.Sysctls {
					file := filepath.Join("/proc/sys", strings.ReplaceAll(name, ".", "/"))
					values = append(values, name+" = "+strings.Join(lines(file), " "))
				}
				return nil
			})
		}) // a process that is gone has no parameters
		return "/proc/sys in " + s.proc("ns"), values
	}}
}

// readAll reads a file in as few calls as it takes; what cannot be read is
// empty. The kernel writes most files of /proc anew for every read.
func readAll(file string) string {
	f, err := unix.Open(file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(f)
	all := make([]byte, 0, 4096)
	for {
		n, err := unix.Read(f, all[len(all):cap(all)])
		if n <= 0 || err != nil {
			return string(all)
		}
		if all = all[:len(all)+n]; len(all) == cap(all) {
			all = slices.Grow(all, cap(all))
		}
	}
}
