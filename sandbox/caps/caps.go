// Package caps is the chapter on capabilities: what is left of root when its
// power is cut into pieces (capabilities(7)).
//
// The kernel splits what uid 0 may do into some forty capabilities and keeps five
// sets of them for each thread. Permitted is what the thread may switch on,
// effective is what is on and what the kernel checks; bounding is the ceiling that
// no execve(2) passes; inheritable and ambient are two ways to hand capabilities on
// through an execve(2) to a program that runs as somebody else than root.
//
// A container's root has uid 0 and, like Docker's, 14 of the pieces: enough to
// install packages and to drop privileges, too little to mount, to load a module or
// to set the clock. Its init lowers the bounding set first (while it still has
// CAP_SETPCAP), then becomes the user, then sets permitted and effective.
// Inheritable and ambient are empty in every container: a runtime that filled
// inheritable, as Docker did until CVE-2022-29162, made each file that carries
// inheritable file capabilities a way for an ordinary user of the container to get
// them.
//
// Names and sets are plain data and work anywhere; the calls are Linux only and act
// on the calling thread, never on the process. Left out: file capabilities (they are
// extended attributes, kept by unpack), securebits, and the capabilities of a user
// namespace's parent.
package caps

import (
	"fmt"
	"strconv"
	"strings"
)

// all is the word for every capability in Docker's --cap-add and --cap-drop.
const all = "ALL"

// capNames holds the name of each capability at the place of its number, which is
// its bit in a Set (include/uapi/linux/capability.h, Linux 5.9 and later).
var capNames = [...]string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", // 0
	"CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID", // 4
	"CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", // 8
	"CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", // 12
	"CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", // 16
	"CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", // 20
	"CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", // 24
	"CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP", // 28
	"CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", // 32
	"CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", // 36
	"CAP_CHECKPOINT_RESTORE", // 40
}

// A Set is a set of capabilities, the one of number n at bit n: the number that
// /proc/PID/status shows in hex.
type Set uint64

// Default returns what Docker gives to a container that asks for nothing:
// 0xa80425fb.
func Default() Set {
	return set(
		"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD",
		"CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP",
		"CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
	)
}

// All returns every capability that has a name here.
func All() Set { return UpTo(len(capNames) - 1) }

// UpTo returns the capabilities with numbers from 0 to last: all of a kernel whose
// Last is that.
func UpTo(last int) Set {
	switch {
	case last < 0:
		return 0
	case last >= 63:
		return ^Set(0)
	default:
		return 1<<(last+1) - 1
	}
}

// Has tells whether every capability of t is in s.
func (s Set) Has(t Set) bool { return s&t == t }

// Names returns the names in the order of their numbers, as config.json wants them:
// with CAP_, upper case. A capability without a name here is CAP_ and its number.
func (s Set) Names() []string {
	var names []string
	for n := range 64 {
		if s&(1<<n) != 0 {
			names = append(names, name(n))
		}
	}
	return names
}

// String joins the names by |, as strace does with flags. The empty set is 0.
func (s Set) String() string {
	if s == 0 {
		return "0"
	}
	return strings.Join(s.Names(), "|")
}

// Hex prints the set as /proc/PID/status does: 16 digits.
func (s Set) Hex() string { return fmt.Sprintf("%016x", uint64(s)) }

func name(number int) string {
	if number < len(capNames) {
		return capNames[number]
	}
	return "CAP_" + strconv.Itoa(number)
}

// set is for names that this package knows to be right.
func set(names ...string) Set {
	var s Set
	for number, known := range capNames {
		for _, n := range names {
			if n == known {
				s |= 1 << number
			}
		}
	}
	return s
}

// An UnknownError is a word that names no capability.
type UnknownError struct{ Name string }

func (e *UnknownError) Error() string { return fmt.Sprintf("unknown capability %q", e.Name) }

// Hint says which words do.
func (e *UnknownError) Hint() string {
	return "capabilities(7) lists the names; NET_ADMIN, cap_net_admin and ALL are understood"
}

// Parse reads one name, with or without CAP_, in upper or lower case. ALL is every
// capability. The error is an *UnknownError.
func Parse(word string) (Set, error) {
	w := strings.ToUpper(word)
	if w == all {
		return All(), nil
	}
	if s := set("CAP_" + strings.TrimPrefix(w, "CAP_")); s != 0 {
		return s, nil
	}
	return 0, &UnknownError{Name: word}
}

// ParseAll reads names into one set.
func ParseAll(words []string) (Set, error) {
	var s Set
	for _, w := range words {
		c, err := Parse(w)
		if err != nil {
			return 0, err
		}
		s |= c
	}
	return s, nil
}

// Choose applies --cap-add and --cap-drop to Docker's default set by Docker's rules:
//
//   - ALL added: every capability but those dropped by name; "drop ALL" beside it
//     has no effect
//   - ALL dropped: only what is added
//   - else the drops come first, so that what is named in both is there
//
// explicit is the part that was asked for by name, or by ALL.
func Choose(add, drop []string) (chosen, explicit Set, err error) {
	added, addAll, err := named(add)
	if err != nil {
		return 0, 0, fmt.Errorf("add capability: %w", err)
	}
	dropped, dropAll, err := named(drop)
	if err != nil {
		return 0, 0, fmt.Errorf("drop capability: %w", err)
	}
	switch {
	case addAll:
		return All() &^ dropped, All() &^ dropped, nil
	case dropAll:
		return added, added, nil
	default:
		return Default()&^dropped | added, added, nil
	}
}

// named reads names and keeps ALL apart, which means something else in a list of
// drops than every name would.
func named(words []string) (s Set, everything bool, err error) {
	for _, w := range words {
		if strings.EqualFold(w, all) {
			everything = true
			continue
		}
		c, err := Parse(w)
		if err != nil {
			return 0, false, err
		}
		s |= c
	}
	return s, everything, nil
}
