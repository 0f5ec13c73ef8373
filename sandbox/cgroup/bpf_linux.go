package cgroup

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
)

// filterDevices gives the group a program that keeps to the rules. It stays
// until the group is removed; no descriptor has to be kept for it.
func filterDevices(group *os.File, rules []deviceRule) error {
	program, err := linux.LoadDeviceProgram(encode(deviceProgram(rules)))
	if err != nil {
		return &deviceFilterError{err}
	}
	defer program.Close()
	if err := linux.AttachDeviceProgram(group, program); err != nil {
		return &deviceFilterError{err}
	}
	return nil
}

// deviceFilterError says that the rules for devices could not be set up. A
// container is not started without them: with them missing, its root could make
// a node of the host's disk and write to it.
type deviceFilterError struct{ error }

func (e *deviceFilterError) Error() string { return "filter devices: " + e.error.Error() }

func (e *deviceFilterError) Unwrap() error { return e.error }

// Hint says what the kernel or the user misses.
func (e *deviceFilterError) Hint() string {
	switch {
	case errors.Is(e.error, unix.EPERM), errors.Is(e.error, unix.EACCES):
		return "device rules on cgroup v2 need CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN, in the first user namespace; --privileged runs without rules"
	case errors.Is(e.error, unix.ENOSYS), errors.Is(e.error, unix.EINVAL):
		return "device rules on cgroup v2 need a kernel since 4.15 with CONFIG_CGROUP_BPF; --privileged runs without rules"
	}
	return ""
}
