package seccomp

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// compilerVersion is part of a cached program's name: raise it whenever the
// same profile would become another program.
const compilerVersion = 1

// Compile translates a profile for this machine. The profile's flags are not
// part of the program; they go to [Load].
func Compile(p *specs.LinuxSeccomp) (Program, error) {
	prog, err := compile(p, runtime.GOARCH)
	if err != nil {
		return nil, fmt.Errorf("compile seccomp profile: %w", err)
	}
	return prog, nil
}

// compile builds the program from its end: each ABI's part gets the next one
// as the other branch, and behind the last stands what becomes of a call from
// an ABI that the profile does not list. That is what libseccomp does by
// default, to kill the thread: the numbers of a foreign ABI mean other calls,
// so no verdict of the profile applies to them.
func compile(p *specs.LinuxSeccomp, goarch string) (Program, error) {
	if p == nil {
		return nil, errors.New("no profile")
	}
	all, err := abis(goarch)
	if err != nil {
		return nil, err
	}
	listed, err := wanted(all, p.Architectures)
	if err != nil {
		return nil, err
	}
	prog := Program{ret(killThread)}
	for _, a := range slices.Backward(listed) {
		set, err := resolve(p, a)
		if err != nil {
			return nil, err
		}
		part := append(Program{load(offsetNr)}, search(set.segments())...)
		prog = branch(opEqual, a.audit, part, prog)
	}
	prog = append(Program{load(offsetArch)}, prog...)
	if len(prog) > MaxInstructions {
		return nil, fmt.Errorf("the program has %d instructions, the kernel takes %d", len(prog), MaxInstructions)
	}
	return prog, nil
}

// search is a binary search for the segment that holds the number in the
// accumulator. Docker's profile has 66 segments on amd64, so six or seven
// comparisons find any call; one after the other would be 400.
func search(s []segment) Program {
	if len(s) == 1 {
		return s[0].program()
	}
	middle := len(s) / 2
	return branch(opGreaterEqual, s[middle].first, search(s[middle:]), search(s[:middle]))
}

// program tries the rules in order.
func (a answer) program() Program {
	var p Program
	for _, r := range a.rules {
		p = append(p, r.match()...)
	}
	return append(p, ret(a.plain))
}
