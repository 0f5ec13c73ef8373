package sandbox

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestDiagnosis gives execve programs that it refuses, and wants the reason
// that execve does not give.
func TestDiagnosis(t *testing.T) {
	for name, c := range map[string]struct {
		content    string
		mode       os.FileMode
		text, hint string
		code       int
	}{
		"script with windows line endings": {"#!/bin/sh\r\necho\r\n", 0o755, "Windows line endings", "sed", 126},
		"script without its interpreter":   {"#!/usr/bin/no-such-perl -w\n", 0o755, "/usr/bin/no-such-perl, which the image does not have", "install", 126},
		"script without a name":            {"#!\n", 0o755, "names no interpreter", "#!/bin/sh", 126},
		"no execute permission":            {"#!/bin/sh\n", 0o644, "has no execute permission", "chmod +x", 126},
		"text without a first line":        {"echo hello\n", 0o755, "neither a binary nor a script", "#!/bin/sh", 126},
		"empty":                            {"", 0o755, "is empty", "", 126},
		"arm64 binary":                     {elfFor(elf.EM_AARCH64, ""), 0o755, "is built for arm64", "--platform", 126},
		"glibc binary":                     {elfFor(elf.EM_X86_64, "/lib64/ld-linux-nowhere.so.2"), 0o755, "needs the dynamic loader /lib64/ld-linux-nowhere.so.2", "musl", 126},
		"damaged binary":                   {"\x7fELF\x02\x01\x01junk", 0o755, "damaged ELF file", "", 126},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "program")
			if err := os.WriteFile(path, []byte(c.content), c.mode); err != nil {
				t.Fatal(err)
			}
			err := exec.Command(path).Start()
			if err == nil {
				t.Fatal("execve took it")
			}
			var e *ProgramError
			if !errors.As(diagnose(path, err), &e) {
				t.Fatalf("diagnose gave no *ProgramError")
			}
			if !strings.Contains(e.Error(), c.text) || !strings.Contains(e.Hint(), c.hint) || e.Code != c.code {
				t.Errorf("got %q, hint %q, code %d\nwant %q, hint %q, code %d", e, e.Hint(), e.Code, c.text, c.hint, c.code)
			}
		})
	}
}

// elfFor builds a 64-bit little-endian ELF executable for a machine, with a
// program header for the loader if one is named (elf(5)).
func elfFor(m elf.Machine, loader string) string {
	const headerSize, progSize = 64, 56
	h := elf.Header64{
		Ident:   [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:    uint16(elf.ET_EXEC),
		Machine: uint16(m), Version: uint32(elf.EV_CURRENT), Ehsize: headerSize, Phoff: headerSize, Phentsize: progSize,
	}
	var b strings.Builder
	if loader != "" {
		h.Phnum = 1
	}
	_ = binary.Write(&b, binary.LittleEndian, h)
	if loader != "" {
		_ = binary.Write(&b, binary.LittleEndian, elf.Prog64{Type: uint32(elf.PT_INTERP), Off: headerSize + progSize, Filesz: uint64(len(loader) + 1)})
		b.WriteString(loader + "\x00")
	}
	return b.String()
}

func TestMissingProgramIs127(t *testing.T) {
	var e *ProgramError
	if err := diagnose("/no/such/program", os.ErrNotExist); !errors.As(err, &e) || e.Code != 127 {
		t.Errorf("diagnose = %v, want code 127", err)
	}
	if _, err := lookPath("no-such-program", []string{"PATH=/bin"}); !errors.As(err, &e) || e.Code != 127 || !strings.Contains(e.Text, "/bin") {
		t.Errorf("lookPath = %v, want code 127 and the PATH", err)
	}
}

func TestLookPath(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "1"), filepath.Join(dir, "2")
	for path, mode := range map[string]os.FileMode{first + "/data": 0o644, second + "/data": 0o755, first + "/only": 0o644} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, mode)); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"PATH=" + first + ":" + second}
	for name, c := range map[string]struct{ word, want string }{
		"a path is taken as it is":                   {"./x", "./x"},
		"a file that is not executable is passed by": {"data", second + "/data"},
		"the only one is returned for its diagnosis": {"only", first + "/only"},
	} {
		if got, err := lookPath(c.word, env); got != c.want || err != nil {
			t.Errorf("%s: lookPath(%q) = %q, %v, want %q", name, c.word, got, err, c.want)
		}
	}
}
