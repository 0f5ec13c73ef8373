package cgroup

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// A deviceRule is one line of linux.resources.devices, checked. Each kind of
// access to a device is decided by the last rule that names both; what no rule
// names is denied.
type deviceRule struct {
	allow        bool
	block, char  bool
	major, minor int64 // any: every number
	access       access
}

const anyNumber = -1

// An access is what is done to a device. The bits are those of BPF_DEVCG_ACC_…
// in linux/bpf.h.
type access uint32

const (
	mknod access = 1 << iota
	read
	write

	everything = mknod | read | write
)

// Linux has 12 bits for major and 20 for minor numbers, linux/kdev_t.h.
const (
	maxMajor = 1<<12 - 1
	maxMinor = 1<<20 - 1
)

// deviceRules checks the rules of a configuration.
func deviceRules(list []specs.LinuxDeviceCgroup) ([]deviceRule, error) {
	rules := make([]deviceRule, 0, len(list))
	for i, d := range list {
		r, err := deviceRuleOf(d)
		if err != nil {
			return nil, fmt.Errorf("devices[%d]: %w", i, err)
		}
		rules = append(rules, r)
	}
	return rules, nil
}

func deviceRuleOf(d specs.LinuxDeviceCgroup) (deviceRule, error) {
	r := deviceRule{allow: d.Allow, major: anyNumber, minor: anyNumber}
	switch d.Type {
	case "", "a":
		r.block, r.char = true, true
	case "b":
		r.block = true
	case "c":
		r.char = true
	default:
		return r, fmt.Errorf("unknown type %q, want a, b or c", d.Type)
	}
	for _, n := range []struct {
		name  string
		given *int64
		to    *int64
		limit int64
	}{{"major", d.Major, &r.major, maxMajor}, {"minor", d.Minor, &r.minor, maxMinor}} {
		if n.given == nil || *n.given == anyNumber {
			continue
		}
		if *n.given < 0 || *n.given > n.limit {
			return r, fmt.Errorf("%s number %d is not 0 to %d", n.name, *n.given, n.limit)
		}
		*n.to = *n.given
	}
	for _, c := range d.Access {
		switch c {
		case 'r':
			r.access |= read
		case 'w':
			r.access |= write
		case 'm':
			r.access |= mknod
		default:
			return r, fmt.Errorf("unknown access %q, want r, w, m", d.Access)
		}
	}
	if r.access == 0 {
		r.access = everything
	}
	return r, nil
}

// isDefault says whether the rule decides about all devices and so makes all
// rules before it void.
func (r deviceRule) isDefault() bool {
	return r.block && r.char && r.major == anyNumber && r.minor == anyNumber && r.access == everything
}

// overlaps says whether some access to some device is named by both rules.
func (r deviceRule) overlaps(o deviceRule) bool {
	meet := func(a, b int64) bool { return a == anyNumber || b == anyNumber || a == b }
	return (r.block && o.block || r.char && o.char) && r.access&o.access != 0 &&
		meet(r.major, o.major) && meet(r.minor, o.minor)
}

// lines is the rule as devices.allow and devices.deny want it: "c 1:3 rwm". The
// kernel takes an "a" for all devices whatever numbers follow it, so a rule for
// both types becomes two lines.
func (r deviceRule) lines() []string {
	rest := fmt.Sprintf(" %s:%s %s", number(r.major), number(r.minor), r.access)
	var out []string
	if r.char {
		out = append(out, "c"+rest)
	}
	if r.block {
		out = append(out, "b"+rest)
	}
	return out
}

func number(n int64) string {
	if n == anyNumber {
		return "*"
	}
	return fmt.Sprint(n)
}

func (a access) String() string {
	var b strings.Builder
	for _, bit := range []struct {
		bit  access
		char byte
	}{{read, 'r'}, {write, 'w'}, {mknod, 'm'}} {
		if a&bit.bit != 0 {
			b.WriteByte(bit.char)
		}
	}
	return b.String()
}

// A deviceWrite is one write into a group of the devices controller.
type deviceWrite struct{ file, line string }

// deviceWrites translates the rules for version 1. There, a group has one
// default (first everything is denied or allowed) and a set of exceptions from
// it; an order of rules it does not have. So a rule that takes back a part of
// an exception cannot be kept to, and it is an error: the container must not get
// more than the rules say.
func deviceWrites(rules []deviceRule) ([]deviceWrite, error) {
	byDefault := deviceRule{allow: false}
	for i, r := range slices.Backward(rules) {
		if r.isDefault() {
			byDefault, rules = r, rules[i+1:]
			break
		}
	}
	const deny, allow = "devices.deny", "devices.allow"
	writes, file := []deviceWrite{{deny, "a"}}, allow
	if byDefault.allow {
		writes, file = []deviceWrite{{allow, "a"}}, deny
	}
	for i, r := range rules {
		if r.allow != byDefault.allow {
			for _, line := range r.lines() {
				writes = append(writes, deviceWrite{file, line})
			}
			continue
		}
		for _, exception := range rules[:i] {
			if exception.allow != r.allow && r.overlaps(exception) {
				return nil, fmt.Errorf("the device rule %q takes back a part of %q, which cgroup v1 cannot do",
					r.lines()[0], exception.lines()[0])
			}
		}
	}
	return writes, nil
}
