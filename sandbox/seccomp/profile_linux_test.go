package seccomp

import (
	"bytes"
	"crypto/sha256"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestParseProfile(t *testing.T) {
	const docker = `{
		"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1,
		"archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
		"syscalls": [
			{"names": ["read", "write"], "action": "SCMP_ACT_ALLOW", "comment": "the basics", "args": []},
			{"name": "exit", "action": "SCMP_ACT_ALLOW"},
			{"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
			{"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
			{"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "99.0"}},
			{"names": ["clone"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
			{"names": ["kill"], "action": "SCMP_ACT_ALLOW", "excludes": {"arches": ["s390x"]}}
		]}`
	for name, tt := range map[string]struct {
		caps []string
		want string
	}{
		"without capabilities": {nil, "read write exit ptrace clone kill"},
		"with CAP_SYS_ADMIN":   {[]string{"CAP_SYS_ADMIN"}, "read write exit mount ptrace kill"},
	} {
		p, err := ParseProfile(strings.NewReader(docker), tt.caps)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, s := range p.Syscalls {
			got = append(got, s.Names...)
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %v, want %s", name, got, tt.want)
		}
	}
}

func TestParseProfileRefuses(t *testing.T) {
	rule := func(s string) string { return `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + s + `]}` }
	for name, tt := range map[string]struct{ file, want string }{
		"an empty file":         {``, "EOF"},
		"no JSON":               {`seccomp`, "invalid character"},
		"null":                  {`null`, "no defaultAction"},
		"no default action":     {`{}`, "no defaultAction"},
		"a second value":        {rule("") + `{}`, "something follows"},
		"a misspelt key":        {rule(`{"names":["bpf"],"action":"SCMP_ACT_ALLOW","exclude":{}}`), `unknown field "exclude"`},
		"a null rule":           {rule(`null`), "syscalls[0] is null"},
		"an unknown action":     {rule(`{"names":["bpf"],"action":"ALLOW"}`), `unknown action "ALLOW"`},
		"no names":              {rule(`{"action":"SCMP_ACT_ALLOW"}`), "no names"},
		"name and names":        {rule(`{"name":"read","names":["bpf"],"action":"SCMP_ACT_ALLOW"}`), "both 'name' and 'names'"},
		"a kernel of one part":  {rule(`{"names":["bpf"],"action":"SCMP_ACT_ALLOW","includes":{"minKernel":"5"}}`), "invalid kernel version"},
		"a negative argument":   {rule(`{"names":["bpf"],"action":"SCMP_ACT_ALLOW","args":[{"index":-1}]}`), "cannot unmarshal"},
		"an eighth argument":    {rule(`{"names":["bpf"],"action":"SCMP_ACT_ALLOW","args":[{"index":7,"op":"SCMP_CMP_EQ"}]}`), "argument 7"},
		"two lists of machines": {`{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86"],"archMap":[{"architecture":"SCMP_ARCH_X86"}]}`, "both 'architectures' and 'archMap'"},
		"more than a megabyte":  {rule(strings.Repeat(" ", 1<<20)), "larger than 1048576 bytes"},
		"NOTIFY":                {rule(`{"names":["bpf"],"action":"SCMP_ACT_NOTIFY"}`), "second process"},
	} {
		_, err := ParseProfile(strings.NewReader(tt.file), nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, tt.want)
		}
	}
}

func TestPodmansProfileIsTaken(t *testing.T) {
	const file = `{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38,"defaultErrno":"ENOSYS",
		"syscalls":[{"names":["bdflush"],"action":"SCMP_ACT_ERRNO","errnoRet":1,"errno":"EPERM","args":null,"includes":{},"excludes":{}}]}`
	if _, err := ParseProfile(strings.NewReader(file), nil); err != nil {
		t.Error(err)
	}
}

func FuzzParseProfile(f *testing.F) {
	f.Add([]byte(`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["socket","recv"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":40,"op":"SCMP_CMP_NE"},{"index":1,"value":4294967297,"valueTwo":3,"op":"SCMP_CMP_MASKED_EQ"}]}]}`))
	f.Add([]byte(`{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86"],"syscalls":[{"names":["mount"],"action":"SCMP_ACT_ERRNO","errnoRet":95}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParseProfile(bytes.NewReader(data), []string{"CAP_SYS_ADMIN"})
		if err != nil {
			return
		}
		for _, goarch := range []string{"amd64", "386", "arm64", "arm"} {
			prog, err := compile(p, goarch)
			if err != nil {
				continue
			}
			kernelAccepts(t, prog)
			for _, arch := range []uint32{auditX86_64, auditI386, auditAARCH64, auditARM} {
				for _, number := range []uint32{0, 41, 102, 359, 500, 0xf0005, x32Bit, 1<<32 - 1} {
					run(t, prog, call{arch: arch, nr: number, args: [6]uint64{40, 1<<32 + 1}})
				}
			}
		}
	})
}

func TestTheCacheReturnsWhatWasCompiled(t *testing.T) {
	c := Cache{Dir: filepath.Join(t.TempDir(), "seccomp")}
	p, err := Default(nil)
	if err != nil {
		t.Fatal(err)
	}
	want, err := Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	path := ""
	expect := func(when string) {
		t.Helper()
		got, err := c.Program(p)
		if err != nil || !bytes.Equal(got.Bytes(), want.Bytes()) {
			t.Fatalf("%s: %d instructions, %v, want %d", when, len(got), err, len(want))
		}
		files, err := os.ReadDir(c.Dir)
		if err != nil || len(files) != 1 {
			t.Fatalf("%s: the cache holds %v, %v", when, files, err)
		}
		path = filepath.Join(c.Dir, files[0].Name())
		if kept, err := readProgram(path); err != nil || !bytes.Equal(kept.Bytes(), want.Bytes()) {
			t.Fatalf("%s: the kept program is wrong: %v", when, err)
		}
	}
	expect("the first time")

	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// An entry with a right checksum is taken, which shows that the file is read.
	other := Program{ret(allow)}.Bytes()
	sum := sha256.Sum256(other)
	overwrite(t, path, append(sum[:], other...), 0o600)
	if got, err := c.Program(p); err != nil || len(got) != 1 {
		t.Errorf("a kept program is not used: %d instructions, %v", len(got), err)
	}
	for name, damage := range map[string]func(){
		"empty":            func() { overwrite(t, path, nil, 0o600) },
		"cut off":          func() { overwrite(t, path, good[:len(good)-8], 0o600) },
		"a bit is flipped": func() { overwrite(t, path, append(slices.Clip(good[:len(good)-1]), good[len(good)-1]^1), 0o600) },
		"longer":           func() { overwrite(t, path, append(slices.Clip(good), 0), 0o600) },
		"open to others":   func() { overwrite(t, path, append(sum[:], other...), 0o644) },
		"a symlink": func() {
			elsewhere := filepath.Join(t.TempDir(), "program")
			overwrite(t, elsewhere, append(sum[:], other...), 0o600)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(elsewhere, path); err != nil {
				t.Fatal(err)
			}
		},
	} {
		damage()
		expect(name)
	}
}

func overwrite(t *testing.T, path string, data []byte, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, data, mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func TestACacheThatCannotBeWrittenIsNoError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	overwrite(t, file, nil, 0o600)
	p, err := Default(nil)
	if err != nil {
		t.Fatal(err)
	}
	if prog, err := (Cache{Dir: filepath.Join(file, "dir")}).Program(p); err != nil || len(prog) == 0 {
		t.Errorf("%d instructions, %v", len(prog), err)
	}
}

func TestEachProfileHasItsOwnKey(t *testing.T) {
	base := func() *specs.LinuxSeccomp {
		return &specs.LinuxSeccomp{
			DefaultAction: specs.ActErrno,
			Architectures: []specs.Arch{specs.ArchX86},
			Syscalls:      []specs.LinuxSyscall{with(names(specs.ActAllow, "read", "write"), arg(1, specs.OpEqualTo, 2, 3))},
		}
	}
	seen := map[string]string{key(base(), "amd64"): "the profile itself", key(base(), "386"): "another machine"}
	for name, change := range map[string]func(p *specs.LinuxSeccomp){
		"action":         func(p *specs.LinuxSeccomp) { p.DefaultAction = specs.ActTrap },
		"errno":          func(p *specs.LinuxSeccomp) { p.DefaultErrnoRet = new(uint(0)) },
		"architecture":   func(p *specs.LinuxSeccomp) { p.Architectures = nil },
		"names run on":   func(p *specs.LinuxSeccomp) { p.Syscalls[0].Names = []string{"rea", "dwrite"} },
		"a name less":    func(p *specs.LinuxSeccomp) { p.Syscalls[0].Names = []string{"read"} },
		"rule's action":  func(p *specs.LinuxSeccomp) { p.Syscalls[0].Action = specs.ActLog },
		"rule's errno":   func(p *specs.LinuxSeccomp) { p.Syscalls[0].ErrnoRet = new(uint(9)) },
		"index":          func(p *specs.LinuxSeccomp) { p.Syscalls[0].Args[0].Index = 2 },
		"value":          func(p *specs.LinuxSeccomp) { p.Syscalls[0].Args[0].Value = 1 },
		"second value":   func(p *specs.LinuxSeccomp) { p.Syscalls[0].Args[0].ValueTwo = 1 },
		"operator":       func(p *specs.LinuxSeccomp) { p.Syscalls[0].Args[0].Op = specs.OpNotEqual },
		"no condition":   func(p *specs.LinuxSeccomp) { p.Syscalls[0].Args = nil },
		"one rule twice": func(p *specs.LinuxSeccomp) { p.Syscalls = append(p.Syscalls, p.Syscalls[0]) },
	} {
		p := base()
		change(p)
		k := key(p, "amd64")
		if other, taken := seen[k]; taken {
			t.Errorf("%s has the key of %s", name, other)
		}
		seen[k] = name
	}
}
