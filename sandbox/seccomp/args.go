package seccomp

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// A condition compares one argument of a call.
type condition struct {
	index    uint
	op       specs.LinuxSeccompOperator
	value    uint64
	valueTwo uint64 // for SCMP_CMP_MASKED_EQ: argument & value == valueTwo
	narrow   bool   // only the lower 32 bits count
}

const maxArgs = 6

func checkArg(a specs.LinuxSeccompArg) error {
	if a.Index >= maxArgs {
		return fmt.Errorf("argument %d: a system call has arguments 0 to %d", a.Index, maxArgs-1)
	}
	switch a.Op {
	case specs.OpEqualTo, specs.OpNotEqual, specs.OpGreaterThan, specs.OpGreaterEqual,
		specs.OpLessThan, specs.OpLessEqual, specs.OpMaskedEqual:
		return nil
	}
	return fmt.Errorf("argument %d: unknown operator %q", a.Index, a.Op)
}

// alternatives are the conditions of a profile's line: any of them, and of one
// all. That is a single alternative, except where a line names the same
// argument twice: Docker has always read this as "or", and runc keeps to it.
func alternatives(call string, args []specs.LinuxSeccompArg, narrow bool) [][]condition {
	all := make([]condition, 0, len(args))
	seen, twice := [maxArgs]bool{}, false
	for _, a := range args {
		all = append(all, condition{
			index: a.Index, op: a.Op, value: a.Value, valueTwo: a.ValueTwo,
			narrow: narrow || isInt(call, a.Index),
		})
		twice = twice || seen[a.Index]
		seen[a.Index] = true
	}
	if !twice {
		return [][]condition{all}
	}
	each := make([][]condition, 0, len(all))
	for _, c := range all {
		each = append(each, []condition{c})
	}
	return each
}

// isInt says whether the kernel takes only the lower half of an argument,
// because it is declared int or unsigned int.
//
// The filter sees the whole register. Compared as 64 bits, a rule against
// socket(AF_VSOCK) is passed by socket(1<<32 + AF_VSOCK), and the kernel then
// opens an AF_VSOCK socket: the mistake of CVE-2019-10063 and CVE-2019-7303,
// where it was TIOCSTI. Here are the calls whose arguments profiles compare.
func isInt(call string, index uint) bool {
	switch call {
	case "socket", "socketpair": // domain, type, protocol
		return index <= 2
	case "ioctl", "fcntl": // descriptor, command
		return index <= 1
	case "personality", "prctl": // persona; option
		return index == 0
	}
	return false
}

// Where struct seccomp_data, linux/seccomp.h, has what.
const (
	offsetNr   = 0
	offsetArch = 4
	offsetArgs = 16
)

// Jump targets that are not known before a rule is complete; test and match
// replace them. No rule is as long as the distances that they stand for.
const (
	pass = 254 // this condition holds: go to the next one
	fail = 255 // it does not: go to the next rule
)

// test is the program for one condition. BPF has 32-bit registers, so a 64-bit
// argument is compared in two halves, the upper one first: only if it is equal
// does the lower one decide.
func (c condition) test() Program {
	low := uint32(offsetArgs + 8*c.index) // all four architectures are little-endian
	high := low + 4
	vLow, vHigh := uint32(c.value), uint32(c.value>>32)

	var p Program
	switch c.op {
	case specs.OpMaskedEqual:
		want := c.valueTwo & c.value
		if vHigh != 0 && !c.narrow {
			p = append(p, load(high), and(vHigh), jump(opEqual, uint32(want>>32), 0, fail))
		}
		if vLow != 0 {
			p = append(p, load(low), and(vLow), jump(opEqual, uint32(want), 0, fail))
		}
		return p
	case specs.OpEqualTo:
		p = append(c.upper(high, jump(opEqual, vHigh, 0, fail)),
			load(low), jump(opEqual, vLow, 0, fail))
	case specs.OpNotEqual:
		p = append(c.upper(high, jump(opEqual, vHigh, 0, pass)),
			load(low), jump(opEqual, vLow, fail, 0))
	case specs.OpGreaterThan:
		p = append(c.upper(high, jump(opGreater, vHigh, pass, 0), jump(opEqual, vHigh, 0, fail)),
			load(low), jump(opGreater, vLow, 0, fail))
	case specs.OpGreaterEqual:
		p = append(c.upper(high, jump(opGreater, vHigh, pass, 0), jump(opEqual, vHigh, 0, fail)),
			load(low), jump(opGreaterEqual, vLow, 0, fail))
	case specs.OpLessThan:
		p = append(c.upper(high, jump(opGreater, vHigh, fail, 0), jump(opEqual, vHigh, 0, pass)),
			load(low), jump(opGreaterEqual, vLow, fail, 0))
	case specs.OpLessEqual:
		p = append(c.upper(high, jump(opGreater, vHigh, fail, 0), jump(opEqual, vHigh, 0, pass)),
			load(low), jump(opGreater, vLow, fail, 0))
	}
	return p
}

// upper is the comparison of the upper half, or nothing where it does not count.
func (c condition) upper(offset uint32, tests ...Instruction) Program {
	if c.narrow {
		return nil
	}
	return append(Program{load(offset)}, tests...)
}

// match is the program for one rule: it returns the verdict if all conditions
// hold, and goes on behind its end if one does not.
func (r rule) match() Program {
	var p Program
	for _, c := range r.conditions {
		start := len(p)
		p = append(p, c.test()...)
		aim(p[start:], pass, len(p)-start)
	}
	p = append(p, ret(r.verdict))
	aim(p, fail, len(p))
	return p
}

// aim replaces the jump target mark by the distance to end, an index of p.
func aim(p Program, mark uint8, end int) {
	for i := range p {
		if !p[i].isTest() {
			continue
		}
		distance := uint8(end - i - 1)
		if p[i].Jt == mark {
			p[i].Jt = distance
		}
		if p[i].Jf == mark {
			p[i].Jf = distance
		}
	}
}
