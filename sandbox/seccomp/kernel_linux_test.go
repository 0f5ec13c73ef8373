package seccomp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// A filter cannot be taken off, so these tests run a copy of the test program,
// which reads its filter from standard input.
const childEnv = "LEARNBOX_TEST_SECCOMP_CHILD"

func TestMain(m *testing.M) {
	if job := os.Getenv(childEnv); job != "" {
		os.Exit(child(job))
	}
	os.Exit(m.Run())
}

// child loads the filter and makes the calls of probes, or executes a file.
func child(job string) int {
	runtime.LockOSThread()
	var code bytes.Buffer
	if _, err := code.ReadFrom(os.Stdin); err != nil {
		return 100
	}
	prog, err := FromBytes(code.Bytes())
	if err != nil {
		return 101
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return 102
	}
	if err := Load(prog); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 103
	}
	if job != "probe" {
		_ = unix.Exec(job, []string{job}, nil)
		return 104
	}
	for _, p := range probes() {
		r, _, e := unix.RawSyscall6(p.nr, p.args[0], p.args[1], p.args[2], 0, 0, 0)
		if e == 0 && p.closes {
			unix.Close(int(r))
		}
		fmt.Printf("%s=%s\n", p.name, unix.ErrnoName(e))
	}
	return 0
}

type probe struct {
	name   string
	nr     uintptr
	args   [3]uintptr
	closes bool
	want   string // an errno's name, or nothing for success
}

func probes() []probe {
	const wide = 1 << 32
	return []probe{
		{"getpid", unix.SYS_GETPID, [3]uintptr{}, false, ""},
		{"socket AF_INET", unix.SYS_SOCKET, [3]uintptr{unix.AF_INET, unix.SOCK_DGRAM}, true, ""},
		{"socket AF_VSOCK", unix.SYS_SOCKET, [3]uintptr{unix.AF_VSOCK, unix.SOCK_STREAM}, true, "EPERM"},
		{"socket AF_ALG", unix.SYS_SOCKET, [3]uintptr{unix.AF_ALG, unix.SOCK_SEQPACKET}, true, "EPERM"},
		{"socket AF_VSOCK with garbage", unix.SYS_SOCKET, [3]uintptr{wide | unix.AF_VSOCK, unix.SOCK_STREAM}, true, "EPERM"},
		{"mount", unix.SYS_MOUNT, [3]uintptr{}, false, "EPERM"},
		{"keyctl", unix.SYS_KEYCTL, [3]uintptr{unix.KEYCTL_GET_KEYRING_ID}, false, "EPERM"},
		{"unshare CLONE_NEWUSER", unix.SYS_UNSHARE, [3]uintptr{unix.CLONE_NEWUSER}, false, "EPERM"},
		{"clone CLONE_NEWUSER", unix.SYS_CLONE, [3]uintptr{unix.CLONE_NEWUSER | uintptr(unix.SIGCHLD)}, false, "EPERM"},
		{"clone3", unix.SYS_CLONE3, [3]uintptr{}, false, "ENOSYS"},
		{"a call younger than the profile", unix.SYS_OPEN_TREE_ATTR, [3]uintptr{}, false, "ENOSYS"},
		{"x32", 0x40000000 | unix.SYS_GETPID, [3]uintptr{}, false, "ENOSYS"},
	}
}

// under runs a copy of this program under the filter.
func under(t *testing.T, prog Program, job string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
	cmd.Env = []string{childEnv + "=" + job}
	cmd.Stdin = bytes.NewReader(prog.Bytes())
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd, out.String()
}

func TestTheKernelAnswersAsDocker(t *testing.T) {
	cmd, out := under(t, defaultProgram(t, dockerCaps()...), "probe")
	if !cmd.ProcessState.Success() {
		t.Fatalf("the child: %v, after\n%s", cmd.ProcessState, out)
	}
	for _, p := range probes() {
		if want := p.name + "=" + p.want + "\n"; !strings.Contains(out, want) {
			t.Errorf("want %q in\n%s", want, out)
		}
	}
}

// elf386 is a program for i386 of one system call; its exit status is the errno.
func elf386(t *testing.T, nr uint32, args ...uint32) string {
	t.Helper()
	const base, header = 0x08048000, 52 + 32
	var code []byte
	word := func(op byte, v uint32) { code = binary.LittleEndian.AppendUint32(append(code, op), v) }
	word(0xb8, nr)                                // mov eax, nr
	for i, op := range []byte{0xbb, 0xb9, 0xba} { // mov ebx, ecx, edx
		if i < len(args) {
			word(op, args[i])
		}
	}
	code = append(code, 0xcd, 0x80)             // int 0x80
	code = append(code, 0xf7, 0xd8, 0x89, 0xc3) // neg eax; mov ebx, eax
	word(0xb8, 1)                               // mov eax, exit
	code = append(code, 0xcd, 0x80)             // int 0x80

	size := uint32(header + len(code))
	elf := []byte("\x7fELF\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	for _, h := range []any{
		uint16(2), uint16(3), uint32(1), uint32(base + header), uint32(52), uint32(0), uint32(0), // executable, 386, entry, program headers
		uint16(52), uint16(32), uint16(1), uint16(0), uint16(0), uint16(0),
		uint32(1), uint32(0), uint32(base), uint32(base), size, size, uint32(5), uint32(0x1000), // PT_LOAD, read and execute
	} {
		elf, _ = binary.Append(elf, binary.LittleEndian, h)
	}
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, append(elf, code...), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestProgramsForI386RunUnderTheirOwnNumbers(t *testing.T) {
	const efault = 14
	prog := defaultProgram(t, dockerCaps()...)
	if err := exec.CommandContext(t.Context(), elf386(t, 158)).Run(); err != nil {
		t.Skipf("this kernel runs no programs for i386: %v", err)
	}
	for name, tt := range map[string]struct {
		nr   uint32
		args []uint32
		want int
	}{
		"sched_yield":         {158, nil, 0},
		"mount":               {21, nil, eperm},
		"socket AF_INET":      {359, []uint32{unix.AF_INET, 99}, int(unix.EINVAL)},
		"socket AF_VSOCK":     {359, []uint32{unix.AF_VSOCK, 1}, eperm},
		"socket AF_ALG":       {359, []uint32{unix.AF_ALG, 5}, eperm},
		"clone3":              {435, nil, enosys},
		"unshare":             {310, []uint32{unix.CLONE_NEWUSER}, eperm},
		"socketcall, allowed": {102, []uint32{1, 0}, efault},
	} {
		cmd, _ := under(t, prog, elf386(t, tt.nr, tt.args...))
		if got := cmd.ProcessState.ExitCode(); got != tt.want {
			t.Errorf("%s: %v, want errno %d", name, cmd.ProcessState, tt.want)
		}
	}
}

func TestAnUnlistedABIIsKilled(t *testing.T) {
	only64 := mustCompile(t, &specs.LinuxSeccomp{DefaultAction: specs.ActAllow}, runtime.GOARCH)
	program := elf386(t, 158)
	if err := exec.CommandContext(t.Context(), program).Run(); err != nil {
		t.Skipf("this kernel runs no programs for i386: %v", err)
	}
	cmd, _ := under(t, only64, program)
	status, ok := cmd.ProcessState.Sys().(interface{ Signal() unix.Signal })
	if !ok || status.Signal() != unix.SIGSYS {
		t.Errorf("a program for i386: %v, want it killed by SIGSYS", cmd.ProcessState)
	}
}

func TestLoadRefuses(t *testing.T) {
	prog := Program{ret(allow)}
	for name, tt := range map[string]struct {
		prog  Program
		flags []specs.LinuxSeccompFlag
		want  string
	}{
		"an empty program":  {nil, nil, "0 instructions"},
		"a long program":    {make(Program, 4097), nil, "4097 instructions"},
		"an unknown flag":   {prog, []specs.LinuxSeccompFlag{"SECCOMP_FILTER_FLAG_MAYBE"}, "unknown flag"},
		"TSYNC":             {prog, []specs.LinuxSeccompFlag{"SECCOMP_FILTER_FLAG_TSYNC"}, "before it has threads"},
		"a flag for NOTIFY": {prog, []specs.LinuxSeccompFlag{specs.LinuxSeccompFlagWaitKillableRecv}, "SCMP_ACT_NOTIFY"},
		"flags by name":     {Program{{Op: 0xffff}}, []specs.LinuxSeccompFlag{specs.LinuxSeccompFlagLog}, "seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_LOG, {"},
		"a bad instruction": {Program{{Op: 0xffff}}, nil, "seccomp(SECCOMP_SET_MODE_FILTER, 0, {len=1, filter=…}): invalid argument (EINVAL)"},
	} {
		if err := Load(tt.prog, tt.flags...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, tt.want)
		}
	}
}
