package cgroup

import (
	"encoding/binary"
	"slices"
)

// On version 2 the kernel asks a program about each access to a device: one of
// type BPF_PROG_TYPE_CGROUP_DEVICE, attached to the group. The program gets a
// struct bpf_cgroup_dev_ctx (linux/bpf.h) and returns 1 for yes and 0 for no.
//
//	offset 0  access_type  lower half: 1 block, 2 character; upper half: access bits
//	       4  major
//	       8  minor
//
// An instruction has 8 bytes: what to do, two registers of 4 bits, a distance
// of 16 bits for jumps (an offset for loads), an operand of 32 bits.
type instruction struct {
	op       uint8
	dst, src uint8
	off      int16
	imm      int32
}

// The instructions in use, from Documentation/bpf/standardization/instruction-set.rst
// of Linux: the class in the lower three bits, the operation above.
const (
	opLoadWord    = 0x61 // dst = *(u32 *)(src + off)
	opMove        = 0xb7 // dst = imm
	opCopy        = 0xbf // dst = src
	opAnd         = 0x57 // dst &= imm
	opShiftRight  = 0x77 // dst >>= imm
	opJumpIfEqual = 0x15 // if dst == imm, skip off instructions
	opJumpUnless  = 0x55 // if dst != imm, skip off instructions
	opExit        = 0x95 // return r0
)

// The registers: r0 is the result, r1 comes in pointing to the context.
const (
	result = iota
	context
	kind    // 1 block, 2 character
	pending // bits of the access that no rule has decided yet
	major
	minor
	scratch
)

const (
	kindBlock     = 1
	kindCharacter = 2
)

// deviceProgram asks the rules from the last to the first, and takes off the
// access what each of them allows. It says yes when nothing is left, and no at
// the first rule that denies some of the rest, or at the end.
func deviceProgram(rules []deviceRule) []instruction {
	program := []instruction{
		{op: opLoadWord, dst: kind, src: context, off: 0},
		{op: opCopy, dst: pending, src: kind},
		{op: opAnd, dst: kind, imm: 0xffff},
		{op: opShiftRight, dst: pending, imm: 16},
		{op: opLoadWord, dst: major, src: context, off: 4},
		{op: opLoadWord, dst: minor, src: context, off: 8},
	}
	for _, r := range slices.Backward(rules) {
		program = append(program, r.program()...)
	}
	return append(program, answer(0)...)
}

func answer(yes int32) []instruction {
	return []instruction{{op: opMove, dst: result, imm: yes}, {op: opExit}}
}

// program tests whether the rule is about the device, and jumps behind its own
// end if it is not.
func (r deviceRule) program() []instruction {
	var tests []instruction
	switch {
	case !r.block:
		tests = append(tests, instruction{op: opJumpUnless, dst: kind, imm: kindCharacter})
	case !r.char:
		tests = append(tests, instruction{op: opJumpUnless, dst: kind, imm: kindBlock})
	}
	if r.major != anyNumber {
		tests = append(tests, instruction{op: opJumpUnless, dst: major, imm: int32(r.major)})
	}
	if r.minor != anyNumber {
		tests = append(tests, instruction{op: opJumpUnless, dst: minor, imm: int32(r.minor)})
	}
	verdict := r.verdict()
	for i := range tests {
		tests[i].off = int16(len(tests) - i - 1 + len(verdict))
	}
	return append(tests, verdict...)
}

func (r deviceRule) verdict() []instruction {
	if r.allow {
		return append([]instruction{
			{op: opAnd, dst: pending, imm: int32(^r.access)},
			{op: opJumpUnless, dst: pending, imm: 0, off: 2},
		}, answer(1)...)
	}
	return append([]instruction{
		{op: opCopy, dst: scratch, src: pending},
		{op: opAnd, dst: scratch, imm: int32(r.access)},
		{op: opJumpIfEqual, dst: scratch, imm: 0, off: 2},
	}, answer(0)...)
}

// encode is the program as bpf(2) wants it, on a little-endian machine.
func encode(program []instruction) []byte {
	b := make([]byte, 0, 8*len(program))
	for _, in := range program {
		b = append(b, in.op, in.src<<4|in.dst)
		b = binary.LittleEndian.AppendUint16(b, uint16(in.off))
		b = binary.LittleEndian.AppendUint32(b, uint32(in.imm))
	}
	return b
}
