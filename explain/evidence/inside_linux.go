package evidence

import (
	"os"
	"path/filepath"
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
		read := func() error {
			for _, name := range s.Sysctls {
				file := filepath.Join("/proc/sys", strings.ReplaceAll(name, ".", "/"))
				values = append(values, name+" = "+strings.Join(lines(file), " "))
			}
			return nil
		}
		_ = linux.Inside(s.proc("ns/net"), unix.CLONE_NEWNET, func() error {
			return linux.Inside(s.proc("ns/ipc"), unix.CLONE_NEWIPC, read)
		})
		return "/proc/sys in " + s.proc("ns"), values
	}}
}
