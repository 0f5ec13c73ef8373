package seccomp

// Six instructions of classic BPF are all that a filter needs: load a word of
// struct seccomp_data into the accumulator, mask it, compare it, jump, return.
// The numbers are those of linux/bpf_common.h and linux/filter.h. They are also
// all that the kernel's own emulator understands: since Linux 5.11 it runs a
// new filter once for every system call and notes those that are allowed
// whatever their arguments are; for them the filter never runs again.
const (
	opLoad         = 0x20 // BPF_LD  | BPF_W   | BPF_ABS
	opAnd          = 0x54 // BPF_ALU | BPF_AND | BPF_K
	opJump         = 0x05 // BPF_JMP | BPF_JA
	opEqual        = 0x15 // BPF_JMP | BPF_JEQ | BPF_K
	opGreater      = 0x25 // BPF_JMP | BPF_JGT | BPF_K
	opGreaterEqual = 0x35 // BPF_JMP | BPF_JGE | BPF_K
	opReturn       = 0x06 // BPF_RET | BPF_K
)

func load(offset uint32) Instruction { return Instruction{Op: opLoad, K: offset} }

func and(mask uint32) Instruction { return Instruction{Op: opAnd, K: mask} }

func ret(v verdict) Instruction { return Instruction{Op: opReturn, K: uint32(v)} }

func jump(op uint16, k uint32, jt, jf uint8) Instruction {
	return Instruction{Op: op, Jt: jt, Jf: jf, K: k}
}

func (in Instruction) isTest() bool {
	switch in.Op {
	case opEqual, opGreater, opGreaterEqual:
		return true
	}
	return false
}

// branch compares the accumulator with k: yes follows if the comparison holds,
// no if it does not. Both must end in a return. A conditional jump reaches 255
// instructions far; a longer way takes a second jump, which has 32 bits for it.
func branch(op uint16, k uint32, yes, no Program) Program {
	p := make(Program, 0, 2+len(yes)+len(no))
	if len(yes) <= 255 {
		p = append(p, jump(op, k, 0, uint8(len(yes))))
	} else {
		p = append(p, jump(op, k, 1, 0), Instruction{Op: opJump, K: uint32(len(yes))})
	}
	return append(append(p, yes...), no...)
}
