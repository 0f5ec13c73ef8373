package seccomp

import (
	"encoding/binary"
	"slices"
	"testing"

	"golang.org/x/net/bpf"
)

// A call is what a filter sees of a system call: struct seccomp_data.
type call struct {
	arch, nr uint32
	args     [6]uint64
}

// nr is the number of a call that the test knows to exist.
func nr(t testing.TB, a abi, name string) uint32 {
	t.Helper()
	all, known := lookup(name)
	if n := a.number(all); known && n != missing {
		return uint32(n)
	}
	t.Fatalf("%s has no system call %s", a.name, name)
	return 0
}

// run asks the BPF machine of golang.org/x/net what the program answers.
func run(t testing.TB, p Program, c call) verdict {
	t.Helper()
	raw := make([]bpf.RawInstruction, 0, len(p))
	for _, in := range p {
		raw = append(raw, bpf.RawInstruction(in))
	}
	instructions, ok := bpf.Disassemble(raw)
	if !ok {
		t.Fatalf("a word of the program is no BPF instruction: %v", p)
	}
	vm, err := bpf.NewVM(instructions)
	if err != nil {
		t.Fatalf("the BPF machine refuses the program: %v", err)
	}
	// That machine reads packets, so words are in network byte order for it.
	data := make([]byte, 64)
	binary.BigEndian.PutUint32(data[offsetNr:], c.nr)
	binary.BigEndian.PutUint32(data[offsetArch:], c.arch)
	for i, a := range c.args {
		binary.BigEndian.PutUint32(data[offsetArgs+8*i:], uint32(a))
		binary.BigEndian.PutUint32(data[offsetArgs+8*i+4:], uint32(a>>32))
	}
	got, err := vm.Run(data)
	if err != nil {
		t.Fatalf("run: %v", err)
	}
	// vm.Run returns an int, but a killed process is -1<<31 in 32 bits.
	return verdict(uint32(got))
}

// steps counts the instructions that the kernel executes for a call.
func steps(t testing.TB, p Program, c call) int {
	t.Helper()
	var acc uint32
	for pc, n := 0, 1; ; pc, n = pc+1, n+1 {
		in := p[pc]
		skip := func(cond bool) {
			if cond {
				pc += int(in.Jt)
			} else {
				pc += int(in.Jf)
			}
		}
		switch in.Op {
		case opLoad:
			words := []uint32{c.nr, c.arch, 0, 0}
			for _, a := range c.args {
				words = append(words, uint32(a), uint32(a>>32))
			}
			acc = words[in.K/4]
		case opAnd:
			acc &= in.K
		case opJump:
			pc += int(in.K)
		case opEqual:
			skip(acc == in.K)
		case opGreater:
			skip(acc > in.K)
		case opGreaterEqual:
			skip(acc >= in.K)
		case opReturn:
			return n
		}
	}
}

// kernelAccepts applies the checks of the kernel's seccomp_check_filter and
// bpf_check_classic: known instructions, no jump out of the program, aligned
// loads within struct seccomp_data, a return at the end.
func kernelAccepts(t testing.TB, p Program) {
	t.Helper()
	if len(p) == 0 || len(p) > MaxInstructions {
		t.Fatalf("%d instructions", len(p))
	}
	for i, in := range p {
		left := len(p) - i - 1
		switch {
		case in.Op == opLoad && (in.K%4 != 0 || in.K >= 64):
			t.Fatalf("instruction %d loads from %d", i, in.K)
		case in.Op == opJump && int(in.K) >= left,
			in.isTest() && (int(in.Jt) >= left || int(in.Jf) >= left):
			t.Fatalf("instruction %d of %d jumps out: %+v", i, len(p), in)
		case !slices.Contains([]uint16{opLoad, opAnd, opJump, opEqual, opGreater, opGreaterEqual, opReturn}, in.Op):
			t.Fatalf("instruction %d is unknown: %+v", i, in)
		}
	}
	if p[len(p)-1].Op != opReturn {
		t.Fatal("the program does not end in a return")
	}
}
