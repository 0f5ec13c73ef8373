// Package seccomp turns a list of system calls into a program that the kernel
// runs before each of them.
//
// A container shares its kernel with the host, so every system call that the
// kernel has is a door. seccomp(2) lets a process hand the kernel a small
// program in the instruction set of the old BSD packet filter (classic BPF).
// The kernel runs it at the entry of every system call, gives it the struct
// seccomp_data that stands below, and does what the program returns: let the
// call through, refuse it with an errno, or kill the caller. A filter outlives
// execve(2), is inherited by every child, and can never be taken off again.
//
//	offset  0  nr                   the number of the call
//	        4  arch                 AUDIT_ARCH_…: which ABI that number belongs to
//	        8  instruction_pointer
//	       16  args[6]              64 bits each; pointers are not followed
//
// The way through the package is one file after the other:
//
//	profile_linux.go  which calls: Docker's profile, or a file in its format
//	rules.go          names become numbers, one list of rules for each ABI
//	segments.go       the rules become ranges of numbers with one answer each
//	args.go           conditions on arguments, 64 bits compared as two times 32
//	compile.go        the ranges become a binary search in BPF
//	cache_linux.go    the program is kept for the next container
//	load_linux.go     the program goes into the kernel
//
// Left out: SCMP_ACT_NOTIFY (a second process that decides call by call), and
// architectures other than amd64, 386, arm64 and arm.
package seccomp

import (
	"encoding/binary"
	"fmt"
)

//go:generate go run gen.go

// MaxInstructions is the kernel's limit for one filter, BPF_MAXINSNS.
const MaxInstructions = 4096

// An Instruction is the kernel's struct sock_filter.
type Instruction struct {
	Op     uint16 // what to do
	Jt, Jf uint8  // how many instructions a conditional jump skips when true, when false
	K      uint32 // an operand: a constant, an offset, or the distance of a long jump
}

const instructionSize = 8

// A Program is a filter that is ready for Load.
type Program []Instruction

// Bytes is the program as the kernel wants it in memory, 8 bytes an
// instruction in the byte order of this machine. It is how a program travels
// to the container's init.
func (p Program) Bytes() []byte {
	b := make([]byte, 0, len(p)*instructionSize)
	for _, in := range p {
		b = binary.NativeEndian.AppendUint16(b, in.Op)
		b = append(b, in.Jt, in.Jf)
		b = binary.NativeEndian.AppendUint32(b, in.K)
	}
	return b
}

// FromBytes is the reverse of [Program.Bytes].
func FromBytes(b []byte) (Program, error) {
	if len(b) == 0 || len(b)%instructionSize != 0 || len(b) > MaxInstructions*instructionSize {
		return nil, fmt.Errorf("read seccomp program: %d bytes are not 1 to %d instructions of %d bytes",
			len(b), MaxInstructions, instructionSize)
	}
	p := make(Program, 0, len(b)/instructionSize)
	for ; len(b) > 0; b = b[instructionSize:] {
		p = append(p, Instruction{
			Op: binary.NativeEndian.Uint16(b),
			Jt: b[2],
			Jf: b[3],
			K:  binary.NativeEndian.Uint32(b[4:]),
		})
	}
	return p, nil
}
