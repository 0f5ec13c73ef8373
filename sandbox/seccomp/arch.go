package seccomp

import (
	"fmt"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// numbers are the numbers of one system call; missing where an architecture
// does not have it.
type numbers struct{ amd64, i386, arm64, arm int32 }

const missing = -1

// An abi is one of the ways into a kernel. A 64-bit kernel also runs 32-bit
// programs, and those use other numbers for the same calls: 59 is execve on
// amd64 and oldolduname on i386. So the filter looks at arch before nr.
type abi struct {
	name   specs.Arch
	audit  uint32 // AUDIT_ARCH_… of linux/audit.h
	narrow bool   // registers, and so arguments, have 32 bits
	number func(numbers) int32

	// special is where numbers begin that do not continue the common table.
	special uint32
}

const (
	auditX86_64  = 0xc000003e
	auditI386    = 0x40000003
	auditAARCH64 = 0xc00000b7
	auditARM     = 0x40000028

	// x32Bit marks a call of x32, the ABI of 32-bit pointers in 64-bit mode.
	// It has no AUDIT_ARCH of its own: a filter that only knows x86_64 and
	// forgets this bit lets every denied call through a second time.
	x32Bit = 0x40000000

	// armPrivate is where the calls that only ARM has begin (set_tls and its
	// like). They are not in the order in which calls were invented.
	armPrivate = 0xf0000

	noSpecial = 1<<32 - 1
)

// abis are the ways into a kernel on goarch, the machine's own first.
func abis(goarch string) ([]abi, error) {
	x86 := abi{name: specs.ArchX86, audit: auditI386, narrow: true, number: func(n numbers) int32 { return n.i386 }, special: noSpecial}
	arm := abi{name: specs.ArchARM, audit: auditARM, narrow: true, number: func(n numbers) int32 { return n.arm }, special: armPrivate}
	switch goarch {
	case "amd64":
		return []abi{{
			name: specs.ArchX86_64, audit: auditX86_64,
			number: func(n numbers) int32 { return n.amd64 }, special: x32Bit,
		}, x86}, nil
	case "arm64":
		return []abi{{
			name: specs.ArchAARCH64, audit: auditAARCH64,
			number: func(n numbers) int32 { return n.arm64 }, special: noSpecial,
		}, arm}, nil
	case "386":
		return []abi{x86}, nil
	case "arm":
		return []abi{arm}, nil
	}
	return nil, fmt.Errorf("no table of system calls for %s (amd64, 386, arm64 and arm have one)", goarch)
}

// wanted keeps the machine's own ABI and, of the others, those that the
// profile lists; the rest of the list (s390x, mips, …) cannot occur here.
func wanted(all []abi, listed []specs.Arch) ([]abi, error) {
	for _, a := range listed {
		if !isArch(a) {
			return nil, fmt.Errorf("unknown architecture %q", a)
		}
	}
	return slices.DeleteFunc(all, func(a abi) bool {
		return a.name != all[0].name && !slices.Contains(listed, a.name)
	}), nil
}

// isArch knows the names of the runtime specification, config-linux.md#seccomp.
func isArch(a specs.Arch) bool {
	switch a {
	case specs.ArchX86, specs.ArchX86_64, specs.ArchX32, specs.ArchARM, specs.ArchAARCH64,
		specs.ArchMIPS, specs.ArchMIPS64, specs.ArchMIPS64N32,
		specs.ArchMIPSEL, specs.ArchMIPSEL64, specs.ArchMIPSEL64N32,
		specs.ArchPPC, specs.ArchPPC64, specs.ArchPPC64LE, specs.ArchS390, specs.ArchS390X,
		specs.ArchPARISC, specs.ArchPARISC64, specs.ArchRISCV64, specs.ArchLOONGARCH64,
		specs.ArchM68K, specs.ArchSH, specs.ArchSHEB:
		return true
	}
	return false
}
