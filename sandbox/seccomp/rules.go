package seccomp

import (
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// A rule is one line of a profile, for one system call of one ABI.
type rule struct {
	number     uint32
	conditions []condition // all must hold; none: always
	verdict    verdict
}

// A ruleset is a profile in the numbers of one ABI.
type ruleset struct {
	abi    abi
	rules  []rule  // in the order of the profile
	newest int64   // the highest number of the common table that the profile names, or -1
	other  verdict // for all calls without a rule
}

// resolve translates a profile into the numbers of one ABI.
//
// It follows libseccomp, as runc uses it, so that a profile written for Docker
// means the same here: a name that the ABI does not have is passed over, and a
// rule that says what happens anyway is dropped.
func resolve(p *specs.LinuxSeccomp, a abi) (ruleset, error) {
	other, err := verdictOf(p.DefaultAction, p.DefaultErrnoRet)
	if err != nil {
		return ruleset{}, fmt.Errorf("default action: %w", err)
	}
	set := ruleset{abi: a, other: other, newest: -1, rules: make([]rule, 0, 512)}
	for i, entry := range p.Syscalls {
		if err := set.add(entry); err != nil {
			return ruleset{}, fmt.Errorf("syscalls[%d] (%s): %w", i, firstName(entry), err)
		}
	}
	return set, nil
}

func firstName(entry specs.LinuxSyscall) string {
	switch len(entry.Names) {
	case 0:
		return "no names"
	case 1:
		return entry.Names[0]
	}
	return entry.Names[0] + ", …"
}

func (s *ruleset) add(entry specs.LinuxSyscall) error {
	if len(entry.Names) == 0 {
		return errors.New("no names")
	}
	v, err := verdictOf(entry.Action, entry.ErrnoRet)
	if err != nil {
		return err
	}
	for _, a := range entry.Args {
		if err := checkArg(a); err != nil {
			return err
		}
	}
	for _, name := range entry.Names {
		if name == "" {
			return errors.New("an empty name")
		}
		s.addCall(name, entry.Args, v)
		if s.abi.name == specs.ArchX86 {
			s.addMultiplexed(name, entry.Args, v)
		}
	}
	return nil
}

func (s *ruleset) addCall(name string, args []specs.LinuxSeccompArg, v verdict) {
	all, known := lookup(name)
	number := s.abi.number(all)
	if !known || number == missing {
		return
	}
	nr := uint32(number)
	if nr < s.abi.special {
		s.newest = max(s.newest, int64(nr))
	}
	if v == s.other {
		return
	}
	if len(args) == 0 {
		s.rules = append(s.rules, rule{number: nr, verdict: v})
		return
	}
	for _, c := range alternatives(name, args, s.abi.narrow) {
		s.rules = append(s.rules, rule{number: nr, conditions: c, verdict: v})
	}
}

// addMultiplexed repeats a rule for the older way in. Linux on i386 first had
// one call for all of sockets (socketcall) and one for System V IPC (ipc), with
// the real one as first argument, and it keeps both; a profile that denies
// socket must deny socketcall(SYS_SOCKET) with it.
//
// The arguments of the inner call lie in memory, where no filter can look. A
// rule with conditions is therefore repeated without them if it forbids, and
// not at all if it allows. Docker's own profile allows socketcall as a whole,
// because glibc for i386 uses nothing else: there, the rules for AF_ALG and
// AF_VSOCK hold for socket only.
func (s *ruleset) addMultiplexed(name string, args []specs.LinuxSeccompArg, v verdict) {
	outer, first := multiplexed(name)
	if outer == "" || v == s.other || (len(args) > 0 && v.permissive()) {
		return
	}
	all, _ := lookup(outer)
	s.rules = append(s.rules, rule{number: uint32(s.abi.number(all)), conditions: []condition{first}, verdict: v})
}

// multiplexed finds the call that carries name on i386, and what its first
// argument then is.
func multiplexed(name string) (outer string, first condition) {
	if n := socketcall(name); n != 0 {
		return "socketcall", condition{index: 0, op: specs.OpEqualTo, value: n, narrow: true}
	}
	if n := ipc(name); n != 0 {
		// The upper half is a version number that the kernel cuts off.
		return "ipc", condition{index: 0, op: specs.OpMaskedEqual, value: 0xffff, valueTwo: n, narrow: true}
	}
	return "", condition{}
}
