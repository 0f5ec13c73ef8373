package cgroup

import (
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

func device(allow bool, typ string, major, minor int64, access string) specs.LinuxDeviceCgroup {
	d := specs.LinuxDeviceCgroup{Allow: allow, Type: typ, Access: access}
	if major >= 0 {
		d.Major = &major
	}
	if minor >= 0 {
		d.Minor = &minor
	}
	return d
}

// docker are the rules that Docker gives a container.
func docker() []specs.LinuxDeviceCgroup {
	return []specs.LinuxDeviceCgroup{
		{Allow: false, Access: "rwm"},
		device(true, "c", -1, -1, "m"), device(true, "b", -1, -1, "m"),
		device(true, "c", 1, 3, "rwm"), device(true, "c", 1, 5, "rwm"), device(true, "c", 1, 7, "rwm"), device(true, "c", 1, 8, "rwm"),
		device(true, "c", 1, 9, "rwm"), device(true, "c", 5, 0, "rwm"), device(true, "c", 5, 2, "rwm"), device(true, "c", 136, -1, "rwm"),
	}
}

func mustRules(t *testing.T, list ...specs.LinuxDeviceCgroup) []deviceRule {
	t.Helper()
	rules, err := deviceRules(list)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func TestDeviceRulesThatAreWrong(t *testing.T) {
	for name, tt := range map[string]struct {
		rule specs.LinuxDeviceCgroup
		want string
	}{
		"type":              {device(true, "p", 1, 3, "r"), `unknown type "p"`},
		"access":            {device(true, "c", 1, 3, "rx"), `unknown access "rx"`},
		"negative major":    {specs.LinuxDeviceCgroup{Type: "c", Major: new(int64(-2))}, "major number -2"},
		"major over 12 bit": {device(true, "c", 4096, 3, "r"), "major number 4096"},
		"minor over 20 bit": {device(true, "c", 1, 1<<20, "r"), "minor number 1048576"},
	} {
		_, err := deviceRules([]specs.LinuxDeviceCgroup{docker()[0], tt.rule})
		if err == nil || !strings.Contains(err.Error(), "devices[1]: "+tt.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, tt.want)
		}
	}
}

func TestDeviceWrites(t *testing.T) {
	denyAll, allowAll := device(false, "a", -1, -1, "rwm"), device(true, "", -1, -1, "")
	for name, tt := range map[string]struct {
		rules []specs.LinuxDeviceCgroup
		want  string // or the error
	}{
		"Docker's": {docker(), "deny a, allow c *:* m, allow b *:* m, allow c 1:3 rwm, allow c 1:5 rwm, allow c 1:7 rwm, " +
			"allow c 1:8 rwm, allow c 1:9 rwm, allow c 5:0 rwm, allow c 5:2 rwm, allow c 136:* rwm"},
		"no default is a denial":           {[]specs.LinuxDeviceCgroup{device(true, "c", 1, 3, "r")}, "deny a, allow c 1:3 r"},
		"all but one":                      {[]specs.LinuxDeviceCgroup{allowAll, device(false, "b", 8, 0, "w")}, "allow a, deny b 8:0 w"},
		"both types, not all devices":      {[]specs.LinuxDeviceCgroup{denyAll, device(true, "a", 1, 3, "r")}, "deny a, allow c 1:3 r, allow b 1:3 r"},
		"both types, not all access":       {[]specs.LinuxDeviceCgroup{denyAll, device(true, "a", -1, -1, "m")}, "deny a, allow c *:* m, allow b *:* m"},
		"a later default voids all before": {append(docker(), allowAll), "allow a"},
		"what is denied anyway":            {[]specs.LinuxDeviceCgroup{denyAll, device(true, "c", 1, 3, "r"), device(false, "c", 10, 200, "r")}, "deny a, allow c 1:3 r"},
		"a part is taken back":             {[]specs.LinuxDeviceCgroup{denyAll, device(true, "c", 1, -1, "rw"), device(false, "c", 1, 3, "w")}, `the device rule "c 1:3 w" takes back a part of "c 1:* rw", which cgroup v1 cannot do`},
	} {
		writes, err := deviceWrites(mustRules(t, tt.rules...))
		got := make([]string, 0, len(writes))
		for _, w := range writes {
			got = append(got, strings.TrimPrefix(w.file, "devices.")+" "+w.line)
		}
		if err != nil {
			got = []string{err.Error()}
		}
		if diff := cmp.Diff(tt.want, strings.Join(got, ", ")); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestTheWireBytesOfADeviceProgram(t *testing.T) {
	want := strings.Join([]string{
		"6112000000000000", // r2 = *(u32 *)(r1 + 0)
		"bf23000000000000", // r3 = r2
		"57020000ffff0000", // r2 &= 0xffff
		"7703000010000000", // r3 >>= 16
		"6114040000000000", // r4 = *(u32 *)(r1 + 4)
		"6115080000000000", // r5 = *(u32 *)(r1 + 8)
		"5502060002000000", // if r2 != 2 (character) skip 6
		"5504050001000000", // if r4 != 1 skip 5
		"5505040003000000", // if r5 != 3 skip 4
		"57030000f9ffffff", // r3 &= ^(read | write)
		"5503020000000000", // if r3 != 0 skip 2
		"b700000001000000", // r0 = 1
		"9500000000000000", // exit
		"b700000000000000", // r0 = 0
		"9500000000000000", // exit
	}, "")
	got := hex.EncodeToString(encode(deviceProgram(mustRules(t, device(true, "c", 1, 3, "rw")))))
	if got != want {
		t.Errorf("program\n%s, want\n%s", got, want)
	}
}

// machine runs a device program, as the kernel would.
func machine(t *testing.T, program []instruction, accessType, majorNr, minorNr uint32) bool {
	t.Helper()
	var r [7]uint64
	context := map[int16]uint32{0: accessType, 4: majorNr, 8: minorNr}
	for pc := 0; ; pc++ {
		in := program[pc]
		imm := uint64(int64(in.imm)) // the kernel extends the sign
		switch in.op {
		case opLoadWord:
			r[in.dst] = uint64(context[in.off])
		case opMove:
			r[in.dst] = imm
		case opCopy:
			r[in.dst] = r[in.src]
		case opAnd:
			r[in.dst] &= imm
		case opShiftRight:
			r[in.dst] >>= imm
		case opJumpIfEqual:
			if r[in.dst] == imm {
				pc += int(in.off)
			}
		case opJumpUnless:
			if r[in.dst] != imm {
				pc += int(in.off)
			}
		case opExit:
			return r[0] == 1
		default:
			t.Fatalf("instruction %d: %+v", pc, in)
		}
	}
}

// allowed is the meaning of rules: each bit of the access is decided by the last
// rule that names it.
func allowed(rules []deviceRule, char bool, majorNr, minorNr int64, wanted access) bool {
	for _, bit := range []access{mknod, read, write} {
		if wanted&bit == 0 {
			continue
		}
		i := len(rules) - 1
		for ; i >= 0; i-- {
			r := rules[i]
			if (char && r.char || !char && r.block) && (r.major == anyNumber || r.major == majorNr) &&
				(r.minor == anyNumber || r.minor == minorNr) && r.access&bit != 0 {
				break
			}
		}
		if i < 0 || !rules[i].allow {
			return false
		}
	}
	return true
}

func TestTheDeviceProgramMeansTheRules(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	pick := func(s ...int64) int64 { return s[rng.IntN(len(s))] }
	for range 2000 {
		list := make([]specs.LinuxDeviceCgroup, rng.IntN(6))
		for i := range list {
			list[i] = device(rng.IntN(2) == 0, []string{"a", "b", "c", ""}[rng.IntN(4)], pick(-1, 1, 2), pick(-1, 3, 4),
				[]string{"r", "w", "m", "rw", "rm", "wm", "rwm", ""}[rng.IntN(8)])
		}
		rules := mustRules(t, list...)
		program := deviceProgram(rules)
		for _, typ := range []uint32{kindBlock, kindCharacter} {
			for _, n := range [][2]int64{{1, 3}, {1, 4}, {2, 3}, {2, 4}, {9, 9}} {
				for wanted := mknod; wanted <= everything; wanted++ {
					want := allowed(rules, typ == kindCharacter, n[0], n[1], wanted)
					got := machine(t, program, uint32(wanted)<<16|typ, uint32(n[0]), uint32(n[1]))
					if got != want {
						t.Fatalf("%s %d on %v under %+v: %v, want %v", wanted, typ, n, rules, got, want)
					}
				}
			}
		}
	}
}

func TestAnEmptyListDeniesEverything(t *testing.T) {
	if machine(t, deviceProgram(nil), uint32(read)<<16|kindCharacter, 1, 3) {
		t.Error("allowed")
	}
}
