package seccomp

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

const (
	refused = errno | eperm
	noCall  = errno | enosys
)

func abiOf(t testing.TB, goarch string, i int) abi {
	t.Helper()
	all, err := abis(goarch)
	if err != nil {
		t.Fatal(err)
	}
	return all[i]
}

func mustCompile(t testing.TB, p *specs.LinuxSeccomp, goarch string) Program {
	t.Helper()
	prog, err := compile(p, goarch)
	if err != nil {
		t.Fatal(err)
	}
	kernelAccepts(t, prog)
	return prog
}

func names(action specs.LinuxSeccompAction, names ...string) specs.LinuxSyscall {
	return specs.LinuxSyscall{Names: names, Action: action}
}

func with(s specs.LinuxSyscall, args ...specs.LinuxSeccompArg) specs.LinuxSyscall {
	s.Args = args
	return s
}

func arg(i uint, op specs.LinuxSeccompOperator, value uint64, two ...uint64) specs.LinuxSeccompArg {
	a := specs.LinuxSeccompArg{Index: i, Op: op, Value: value}
	if len(two) > 0 {
		a.ValueTwo = two[0]
	}
	return a
}

// The bytes that the kernel gets, for a profile small enough to be checked by
// eye against linux/filter.h.
func TestTheWireBytesOfATinyProfile(t *testing.T) {
	p := &specs.LinuxSeccomp{
		DefaultAction: specs.ActErrno,
		Syscalls:      []specs.LinuxSyscall{names(specs.ActAllow, "read")},
	}
	want := strings.Join([]string{
		"20000000" + "04000000", // ld  [4]                arch
		"15000004" + "3e0000c0", // jeq 0xc000003e, 0, 4   x86_64? else to the end
		"20000000" + "00000000", // ld  [0]                nr
		"35000001" + "01000000", // jge 1, 0, 1
		"06000000" + "26000500", // ret ERRNO(38)          1 and above are newer than the profile
		"06000000" + "0000ff7f", // ret ALLOW              0 is read
		"06000000" + "00000000", // ret KILL_THREAD
	}, "")
	if got := hex.EncodeToString(mustCompile(t, p, "amd64").Bytes()); got != want {
		t.Errorf("program\n%s, want\n%s", got, want)
	}
}

func TestAConditionComparesAllSixtyFourBits(t *testing.T) {
	const big = 5<<32 | 7
	holds := map[specs.LinuxSeccompOperator]func(a, b uint64) bool{
		specs.OpEqualTo:      func(a, b uint64) bool { return a == b },
		specs.OpNotEqual:     func(a, b uint64) bool { return a != b },
		specs.OpGreaterThan:  func(a, b uint64) bool { return a > b },
		specs.OpGreaterEqual: func(a, b uint64) bool { return a >= b },
		specs.OpLessThan:     func(a, b uint64) bool { return a < b },
		specs.OpLessEqual:    func(a, b uint64) bool { return a <= b },
	}
	edges := []uint64{0, 1, 6, 7, 8, 1<<32 - 1, 4<<32 | 8, 5 << 32, big - 1, big, big + 1, 6 << 32, 6<<32 | 6, 1<<64 - 1}
	amd64, i386 := abiOf(t, "amd64", 0), abiOf(t, "amd64", 1)
	for op, want := range holds {
		for _, value := range edges {
			prog := mustCompile(t, &specs.LinuxSeccomp{
				DefaultAction: specs.ActErrno,
				Architectures: []specs.Arch{specs.ArchX86},
				Syscalls:      []specs.LinuxSyscall{with(names(specs.ActAllow, "lseek"), arg(1, op, value))},
			}, "amd64")
			for _, given := range edges {
				c := call{arch: amd64.audit, nr: nr(t, amd64, "lseek"), args: [6]uint64{1: given}}
				if got := run(t, prog, c) == allow; got != want(given, value) {
					t.Errorf("lseek with %#x %s %#x: allowed %v, want %v", given, op, value, got, !got)
				}
				// A 32-bit program has 32-bit arguments, and only those count.
				c = call{arch: i386.audit, nr: nr(t, i386, "lseek"), args: [6]uint64{1: given & 0xffffffff}}
				if got := run(t, prog, c) == allow; got != want(given&0xffffffff, value&0xffffffff) {
					t.Errorf("i386: lseek with %#x %s %#x: allowed %v, want %v", given, op, value, got, !got)
				}
			}
		}
	}
}

func TestAMaskLooksAtItsBitsOnly(t *testing.T) {
	amd64 := abiOf(t, "amd64", 0)
	for name, tt := range map[string]struct {
		mask, want, given uint64
		allowed           bool
	}{
		"no forbidden bit":                   {0x7e020000, 0, 0x00000011, true},
		"a forbidden bit":                    {0x7e020000, 0, 0x10000011, false},
		"a bit of the upper half":            {1 << 40, 1 << 40, 1<<40 | 3, true},
		"a bit of the upper half is missing": {1 << 40, 1 << 40, 3, false},
		"bits outside the mask in the value": {0x0f, 0xff, 0x0f, true},
		"an empty mask":                      {0, 0, 1<<64 - 1, true},
	} {
		prog := mustCompile(t, &specs.LinuxSeccomp{
			DefaultAction: specs.ActErrno,
			Syscalls:      []specs.LinuxSyscall{with(names(specs.ActAllow, "clone"), arg(0, specs.OpMaskedEqual, tt.mask, tt.want))},
		}, "amd64")
		got := run(t, prog, call{arch: amd64.audit, nr: nr(t, amd64, "clone"), args: [6]uint64{tt.given}})
		if (got == allow) != tt.allowed {
			t.Errorf("%s: %#x, want allowed %v", name, got, tt.allowed)
		}
	}
}

func TestRulesForOneCallJoinAsInLibseccomp(t *testing.T) {
	amd64 := abiOf(t, "amd64", 0)
	eq := func(i uint, v uint64) specs.LinuxSeccompArg { return arg(i, specs.OpEqualTo, v) }
	allow3 := names(specs.ActAllow, "kcmp")
	for name, tt := range map[string]struct {
		rules []specs.LinuxSyscall
		args  [6]uint64
		want  verdict
	}{
		"all conditions of a rule hold":            {[]specs.LinuxSyscall{with(allow3, eq(0, 1), eq(1, 2))}, [6]uint64{1, 2}, allow},
		"one condition of a rule fails":            {[]specs.LinuxSyscall{with(allow3, eq(0, 1), eq(1, 2))}, [6]uint64{1, 3}, refused},
		"the second of two rules holds":            {[]specs.LinuxSyscall{with(allow3, eq(0, 1)), with(allow3, eq(0, 2))}, [6]uint64{2}, allow},
		"an argument named twice means or":         {[]specs.LinuxSyscall{with(allow3, eq(0, 1), eq(0, 2))}, [6]uint64{2}, allow},
		"no condition beats conditions":            {[]specs.LinuxSyscall{with(names(specs.ActTrap, "kcmp"), eq(0, 1)), allow3}, [6]uint64{1}, allow},
		"the first without conditions wins":        {[]specs.LinuxSyscall{allow3, names(specs.ActTrap, "kcmp")}, [6]uint64{}, allow},
		"the first condition that holds wins":      {[]specs.LinuxSyscall{with(allow3, eq(0, 1)), with(names(specs.ActTrap, "kcmp"), eq(1, 2))}, [6]uint64{1, 2}, allow},
		"a rule that repeats the default is void":  {[]specs.LinuxSyscall{names(specs.ActErrno, "kcmp"), allow3}, [6]uint64{}, allow},
		"a sixth argument is an argument":          {[]specs.LinuxSyscall{with(allow3, eq(5, 9))}, [6]uint64{5: 9}, allow},
		"another errno is not the default's":       {[]specs.LinuxSyscall{{Names: []string{"kcmp"}, Action: specs.ActErrno, ErrnoRet: new(uint(95))}}, [6]uint64{}, errno | 95},
		"six conditions in one rule, all but last": {[]specs.LinuxSyscall{with(allow3, eq(0, 1), eq(1, 2), eq(2, 3), eq(3, 4), eq(4, 5), eq(5, 6))}, [6]uint64{1, 2, 3, 4, 5, 7}, refused},
	} {
		prog := mustCompile(t, &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: tt.rules}, "amd64")
		got := run(t, prog, call{arch: amd64.audit, nr: nr(t, amd64, "kcmp"), args: tt.args})
		if got != tt.want {
			t.Errorf("%s: %#x, want %#x", name, got, tt.want)
		}
	}
}

func TestActions(t *testing.T) {
	amd64 := abiOf(t, "amd64", 0)
	for action, want := range map[specs.LinuxSeccompAction]verdict{
		specs.ActAllow: 0x7fff0000, specs.ActLog: 0x7ffc0000, specs.ActTrace: 0x7ff00001, specs.ActErrno: 0x00050001,
		specs.ActTrap: 0x00030000, specs.ActKill: 0, specs.ActKillThread: 0, specs.ActKillProcess: 0x80000000,
	} {
		prog := mustCompile(t, &specs.LinuxSeccomp{DefaultAction: action}, "amd64")
		if got := run(t, prog, call{arch: amd64.audit}); got != want {
			t.Errorf("default %s: %#x, want %#x", action, got, want)
		}
		prog = mustCompile(t, &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{names(action, "read")}}, "amd64")
		if got := run(t, prog, call{arch: amd64.audit}); got != want {
			t.Errorf("read %s: %#x, want %#x", action, got, want)
		}
	}
}

func TestNumbersWithoutARule(t *testing.T) {
	deny := &specs.LinuxSeccomp{
		DefaultAction: specs.ActErrno,
		Architectures: []specs.Arch{specs.ArchX86_64, specs.ArchX86, specs.ArchX32, specs.ArchS390X},
		Syscalls:      []specs.LinuxSyscall{names(specs.ActAllow, "read", "close_range", "a_call_of_the_future")},
	}
	permit := &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{names(specs.ActErrno, "mount")}}
	arm := &specs.LinuxSeccomp{
		DefaultAction: specs.ActErrno, Architectures: []specs.Arch{specs.ArchAARCH64, specs.ArchARM},
		Syscalls: []specs.LinuxSyscall{names(specs.ActAllow, "read", "set_tls", "close_range")},
	}
	for name, tt := range map[string]struct {
		profile *specs.LinuxSeccomp
		goarch  string
		call    call
		want    verdict
	}{
		"older than the profile":             {deny, "amd64", call{arch: auditX86_64, nr: 435}, refused},
		"newer than the profile":             {deny, "amd64", call{arch: auditX86_64, nr: 437}, noCall},
		"newer, on i386":                     {deny, "amd64", call{arch: auditI386, nr: 437}, noCall},
		"i386 has its own numbers":           {deny, "amd64", call{arch: auditI386, nr: 3}, allow},
		"the amd64 number on i386":           {deny, "amd64", call{arch: auditI386, nr: 0}, refused},
		"x32":                                {deny, "amd64", call{arch: auditX86_64, nr: x32Bit + 1}, noCall},
		"a negative number":                  {deny, "amd64", call{arch: auditX86_64, nr: 1<<32 - 1}, noCall},
		"an ABI that is not listed":          {permit, "amd64", call{arch: auditI386, nr: 20}, killThread},
		"an ABI of another machine":          {deny, "amd64", call{arch: auditAARCH64, nr: 63}, killThread},
		"newer than a profile that permits":  {permit, "amd64", call{arch: auditX86_64, nr: 999}, allow},
		"x32 under a profile that permits":   {permit, "amd64", call{arch: auditX86_64, nr: x32Bit | 165}, noCall},
		"arm64":                              {arm, "arm64", call{arch: auditAARCH64, nr: 63}, allow},
		"arm under arm64":                    {arm, "arm64", call{arch: auditARM, nr: 3}, allow},
		"ARM's private calls":                {arm, "arm64", call{arch: auditARM, nr: 0xf0005}, allow},
		"newer, on ARM below its private":    {arm, "arm64", call{arch: auditARM, nr: 437}, noCall},
		"a private call that is not listed":  {arm, "arm64", call{arch: auditARM, nr: 0xf0003}, noCall},
		"an ARM machine knows no other ABI":  {arm, "arm", call{arch: auditAARCH64, nr: 63}, killThread},
		"the machine's own ABI is implied":   {permit, "386", call{arch: auditI386, nr: 20}, allow},
		"a call that the profile forbids":    {permit, "amd64", call{arch: auditX86_64, nr: 165}, refused},
		"the last number before the private": {arm, "arm64", call{arch: auditARM, nr: 0xf0000}, noCall},
	} {
		if got := run(t, mustCompile(t, tt.profile, tt.goarch), tt.call); got != tt.want {
			t.Errorf("%s: %#x, want %#x", name, got, tt.want)
		}
	}
}

func TestSocketcallFollowsSocket(t *testing.T) {
	i386 := abiOf(t, "386", 0)
	permit := func(rules ...specs.LinuxSyscall) *specs.LinuxSeccomp {
		return &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: rules}
	}
	deny := func(rules ...specs.LinuxSyscall) *specs.LinuxSeccomp {
		return &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: rules}
	}
	vsock := arg(0, specs.OpEqualTo, 40)
	for name, tt := range map[string]struct {
		profile *specs.LinuxSeccomp
		call    string
		first   uint64
		want    verdict
	}{
		"socket forbidden":                  {permit(names(specs.ActErrno, "socket")), "socketcall", 1, refused},
		"socket forbidden, bind is not":     {permit(names(specs.ActErrno, "socket")), "socketcall", 2, allow},
		"socket allowed":                    {deny(names(specs.ActAllow, "socket")), "socketcall", 1, allow},
		"some sockets forbidden":            {permit(with(names(specs.ActErrno, "socket"), vsock)), "socketcall", 1, refused},
		"some sockets allowed":              {deny(with(names(specs.ActAllow, "socket"), vsock)), "socketcall", 1, refused},
		"msgget forbidden":                  {permit(names(specs.ActErrno, "msgget")), "ipc", 13, refused},
		"msgget forbidden, with version":    {permit(names(specs.ActErrno, "msgget")), "ipc", 1<<16 | 13, refused},
		"msgget forbidden, shmget is not":   {permit(names(specs.ActErrno, "msgget")), "ipc", 23, allow},
		"all of socketcall allowed":         {deny(names(specs.ActAllow, "socketcall"), with(names(specs.ActAllow, "socket"), vsock)), "socketcall", 1, allow},
		"recv exists in socketcall only":    {permit(names(specs.ActErrno, "recv")), "socketcall", 10, refused},
		"a call that is not multiplexed is": {permit(names(specs.ActErrno, "socket")), "socket", 2, refused},
	} {
		c := call{arch: auditI386, nr: nr(t, i386, tt.call), args: [6]uint64{tt.first}}
		if got := run(t, mustCompile(t, tt.profile, "386"), c); got != tt.want {
			t.Errorf("%s: %#x, want %#x", name, got, tt.want)
		}
	}
}

func TestARuleCannotBePassedByGarbageAboveAnInt(t *testing.T) {
	prog := mustCompile(t, &specs.LinuxSeccomp{
		DefaultAction: specs.ActAllow,
		Syscalls: []specs.LinuxSyscall{
			with(names(specs.ActErrno, "ioctl"), arg(1, specs.OpEqualTo, 0x5412)), // TIOCSTI
			with(names(specs.ActErrno, "mmap"), arg(2, specs.OpEqualTo, 4)),
		},
	}, "amd64")
	amd64 := abiOf(t, "amd64", 0)
	if got := run(t, prog, call{arch: amd64.audit, nr: nr(t, amd64, "ioctl"), args: [6]uint64{0, 1<<32 | 0x5412}}); got != refused {
		t.Errorf("ioctl(0, 1<<32|TIOCSTI): %#x, want it refused like TIOCSTI", got)
	}
	if got := run(t, prog, call{arch: amd64.audit, nr: nr(t, amd64, "mmap"), args: [6]uint64{2: 1<<32 | 4}}); got != allow {
		t.Errorf("mmap, whose third argument has 64 bits: %#x, want allow", got)
	}
}

func TestProfilesThatDoNotCompile(t *testing.T) {
	ok := names(specs.ActAllow, "read")
	for name, tt := range map[string]struct {
		profile *specs.LinuxSeccomp
		goarch  string
		want    string
	}{
		"no profile":              {nil, "amd64", "no profile"},
		"a machine without table": {&specs.LinuxSeccomp{}, "riscv64", "no table of system calls for riscv64"},
		"no default":              {&specs.LinuxSeccomp{}, "amd64", `default action: unknown action ""`},
		"a misspelt architecture": {&specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Architectures: []specs.Arch{"SCMP_ARCH_X8664"}}, "amd64", `unknown architecture "SCMP_ARCH_X8664"`},
		"an unknown action":       {&specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{ok, names("SCMP_ACT_MAYBE", "read", "write")}}, "amd64", `syscalls[1] (read, …): unknown action "SCMP_ACT_MAYBE"`},
		"no name":                 {&specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{names(specs.ActAllow)}}, "amd64", "no names"},
		"an empty name":           {&specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{names(specs.ActAllow, "")}}, "amd64", "an empty name"},
		"a seventh argument":      {&specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{with(ok, arg(6, specs.OpEqualTo, 1))}}, "amd64", "argument 6"},
		"an unknown operator":     {&specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{with(ok, arg(0, "==", 1))}}, "amd64", `unknown operator "=="`},
		"an errno too large":      {&specs.LinuxSeccomp{DefaultAction: specs.ActErrno, DefaultErrnoRet: new(uint(4096))}, "amd64", "errnoRet 4096"},
		"an errno without use":    {&specs.LinuxSeccomp{DefaultAction: specs.ActAllow, DefaultErrnoRet: new(uint(1))}, "amd64", "takes no errnoRet"},
		"too many rules":          {manyRules(), "amd64", "the kernel takes 4096"},
	} {
		_, err := compile(tt.profile, tt.goarch)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, tt.want)
		}
	}
}

func manyRules() *specs.LinuxSeccomp {
	p := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno}
	for i := range uint64(1000) {
		p.Syscalls = append(p.Syscalls, with(names(specs.ActAllow, "lseek"), arg(1, specs.OpEqualTo, i)))
	}
	return p
}

// A conditional jump reaches 255 instructions far.
func TestLongJumps(t *testing.T) {
	p := &specs.LinuxSeccomp{
		DefaultAction: specs.ActErrno,
		Architectures: []specs.Arch{specs.ArchX86},
		Syscalls:      []specs.LinuxSyscall{names(specs.ActAllow, "read", "mount", "close_range")},
	}
	for i := range uint64(300) {
		p.Syscalls = append(p.Syscalls, with(names(specs.ActAllow, "lseek"), arg(1, specs.OpEqualTo, i)))
	}
	prog := mustCompile(t, p, "amd64")
	for i := range 2 {
		a := abiOf(t, "amd64", i)
		for _, name := range []string{"read", "mount", "close_range"} {
			if got := run(t, prog, call{arch: a.audit, nr: nr(t, a, name)}); got != allow {
				t.Errorf("%s: %s gets %#x", a.name, name, got)
			}
		}
		for given, want := range map[uint64]verdict{0: allow, 299: allow, 300: refused} {
			if got := run(t, prog, call{arch: a.audit, nr: nr(t, a, "lseek"), args: [6]uint64{1: given}}); got != want {
				t.Errorf("%s: lseek with %d gets %#x, want %#x", a.name, given, got, want)
			}
		}
	}
}

func TestNotifyIsRefusedWithAWayOut(t *testing.T) {
	_, err := Compile(&specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{names(specs.ActNotify, "mount")}})
	var hint interface{ Hint() string }
	if !errors.As(err, &hint) || !strings.Contains(hint.Hint(), "SCMP_ACT_LOG") {
		t.Errorf("error %v, want one with a hint", err)
	}
}

func TestBytesTravel(t *testing.T) {
	prog := mustCompile(t, &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{names(specs.ActAllow, "read")}}, "amd64")
	back, err := FromBytes(prog.Bytes())
	if err != nil || hex.EncodeToString(back.Bytes()) != hex.EncodeToString(prog.Bytes()) {
		t.Errorf("FromBytes(Bytes()) = %v, %v", back, err)
	}
	for name, b := range map[string][]byte{"empty": nil, "half an instruction": make([]byte, 12), "too long": make([]byte, 8*4097)} {
		if _, err := FromBytes(b); err == nil {
			t.Errorf("FromBytes takes what is %s", name)
		}
	}
}
