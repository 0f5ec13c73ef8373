package caps

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
)

// Last returns the number of the newest capability that this kernel has, from
// /proc/sys/kernel/cap_last_cap.
func Last() (int, error) {
	const file = "/proc/sys/kernel/cap_last_cap"
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, fmt.Errorf("find the kernel's last capability: %w", err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || n < 0 || n > 63 {
		return 0, fmt.Errorf("find the kernel's last capability: %s says %q", file, b)
	}
	return n, nil
}

// Bounding returns the bounding set of the calling thread. It asks the kernel
// capability by capability (PR_CAPBSET_READ(2const)) rather than /proc, so that it
// also works in a mount namespace that has none; EINVAL marks the end of the list.
func Bounding() (Set, error) {
	var s Set
	for n := range 64 {
		in, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(n), 0, 0, 0)
		if errors.Is(err, unix.EINVAL) {
			break
		}
		if err != nil {
			return 0, linux.Failed(err, "prctl(PR_CAPBSET_READ, %s)", name(n))
		}
		s |= Set(in) << n
	}
	return s, nil
}

// DropBounding takes everything from the calling thread's bounding set that is not
// in keep. There is no way back, and it needs CAP_SETPCAP: call it before Apply.
//
// It asks the kernel what is there instead of going by the names of this package,
// so that a capability newer than learnbox is dropped too.
func DropBounding(keep Set) error {
	have, err := Bounding()
	if err != nil {
		return err
	}
	for n := range 64 {
		if (have&^keep)&(1<<n) == 0 {
			continue
		}
		err := linux.Failed(unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(n), 0, 0, 0), "prctl(PR_CAPBSET_DROP, %s)", name(n))
		if err != nil {
			return err
		}
	}
	return nil
}

// ClearAmbient empties the calling thread's ambient set, which would otherwise go
// into permitted and effective at the execve(2) of an ordinary program. A kernel
// older than 4.3 has no such set, and answers EINVAL.
func ClearAmbient() error {
	err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
	if errors.Is(err, unix.EINVAL) {
		return nil
	}
	return linux.Failed(err, "prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)")
}

// Apply makes s the permitted and the effective set of the calling thread and
// empties its inheritable set (CVE-2022-29162). The thread must have all of s in its
// permitted set. The kernel takes from the ambient set what is not inheritable.
//
// For a user other than root, permitted and effective are lost again at the
// execve(2), unless the program's file has capabilities of its own: that is the
// kernel's rule, and Docker's.
func Apply(s Set) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3} // Pid 0: this thread
	// Version 3 carries 64 bits as two halves, the low one first.
	data := [2]unix.CapUserData{
		{Effective: uint32(s), Permitted: uint32(s)},
		{Effective: uint32(s >> 32), Permitted: uint32(s >> 32)},
	}
	return linux.Failed(unix.Capset(&header, &data[0]),
		"capset({_LINUX_CAPABILITY_VERSION_3, 0}, {effective=%v, permitted=%v, inheritable=0})", s, s)
}

// ToApply is Apply, for a newborn process.
func ToApply(s Set) linux.Prepared { return linux.ToSetCaps(uint64(s), s.String()) }

// KeepOnSetuid says whether the calling thread keeps its permitted set when its user
// IDs all turn from 0 to another (PR_SET_KEEPCAPS(2const)); effective is emptied
// either way. The next execve(2) ends it.
func KeepOnSetuid(keep bool) error {
	arg := uintptr(0)
	if keep {
		arg = 1
	}
	return linux.Failed(unix.Prctl(unix.PR_SET_KEEPCAPS, arg, 0, 0, 0), "prctl(PR_SET_KEEPCAPS, %d)", arg)
}

// Current returns the calling thread's five sets.
func Current() (State, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return State{}, linux.Failed(err, "capget({_LINUX_CAPABILITY_VERSION_3, 0})")
	}
	join := func(low, high uint32) Set { return Set(high)<<32 | Set(low) }
	s := State{
		Inheritable: join(data[0].Inheritable, data[1].Inheritable),
		Permitted:   join(data[0].Permitted, data[1].Permitted),
		Effective:   join(data[0].Effective, data[1].Effective),
	}
	var err error
	if s.Bounding, err = Bounding(); err != nil {
		return State{}, err
	}
	for n := range 64 {
		in, err := unix.PrctlRetInt(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_IS_SET, uintptr(n), 0, 0)
		if errors.Is(err, unix.EINVAL) { // past the last capability, or a kernel before 4.3
			break
		}
		if err != nil {
			return State{}, linux.Failed(err, "prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, %s)", name(n))
		}
		s.Ambient |= Set(in) << n
	}
	return s, nil
}

// Effective returns the calling thread's effective set: what the kernel lets it do.
func Effective() (Set, error) {
	s, err := Current()
	return s.Effective, err
}
