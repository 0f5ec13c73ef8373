package sandbox

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// A ProgramError says why a program could not be started, better than the
// errno does: execve(2) has one ENOENT for a missing program, a missing
// interpreter of a script and a missing loader of a binary.
type ProgramError struct {
	Text string
	Way  string
	Code int   // 126: there, but cannot be executed; 127: not there
	Err  error // what execve said; nil if it was not asked
}

func (e *ProgramError) Error() string {
	if e.Err == nil {
		return e.Text
	}
	return fmt.Sprintf("%s: %v", e.Text, e.Err)
}

func (e *ProgramError) Unwrap() error { return e.Err }

// Hint returns the way out.
func (e *ProgramError) Hint() string { return e.Way }

func notInPath(name, search string) error {
	return &ProgramError{
		Text: fmt.Sprintf("%q: not found in the container's PATH (%s)", name, search),
		Way:  "it is looked for inside the image, not on your machine; a path like /bin/sh is taken as it is",
		Code: 127,
	}
}

// diagnose looks at the program that execve refused. It runs in the container,
// as its user, so it may see less than it would like; then the errno speaks.
func diagnose(path string, err error) error {
	e := &ProgramError{Text: path, Code: 126, Err: err}
	info, statErr := os.Stat(path)
	switch {
	case errors.Is(statErr, fs.ErrNotExist):
		e.Text, e.Code, e.Way = path+" is not in the image", 127, "list the image's files with: ls "+dirOf(path)
		return e
	case statErr != nil:
		return e
	case info.IsDir():
		e.Text, e.Way = path+" is a directory", "name a program inside it"
		return e
	case info.Mode()&0o111 == 0:
		e.Text = fmt.Sprintf("%s has no execute permission (mode %#o)", path, info.Mode().Perm())
		e.Way = "chmod +x it before the image is built, or run it by its interpreter: sh " + path
		return e
	}
	switch errnoOf(err) {
	case unix.ENOENT, unix.ENOEXEC, unix.EACCES, unix.ELIBBAD, unix.EINVAL:
		e.inspect(path)
	}
	return e
}

// inspect reads the head of the file: script, ELF, or neither.
func (e *ProgramError) inspect(path string) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	head := make([]byte, 256)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return
	}
	head = head[:n]
	switch {
	case len(head) == 0:
		e.Text, e.Way = path+" is empty", ""
	case bytes.HasPrefix(head, []byte("#!")):
		e.script(path, head)
	case bytes.HasPrefix(head, []byte(elf.ELFMAG)):
		e.binary(path, f)
	default:
		e.Text = path + " is neither a binary nor a script that names its interpreter"
		e.Way = "begin a script with a line such as #!/bin/sh"
	}
}

func (e *ProgramError) script(path string, head []byte) {
	line, _, _ := bytes.Cut(head[2:], []byte("\n"))
	fields := strings.Fields(string(line))
	if bytes.HasSuffix(line, []byte("\r")) {
		e.Text = path + " has Windows line endings: its first line ends in CR, which becomes part of the interpreter's name"
		e.Way = "convert it: sed -i 's/\\r$//' " + path
		return
	}
	if len(fields) == 0 {
		e.Text, e.Way = path+" begins with #! but names no interpreter", "begin it with a line such as #!/bin/sh"
		return
	}
	info, err := os.Stat(fields[0])
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Text = fmt.Sprintf("%s is a script for %s, which the image does not have", path, fields[0])
		e.Way = "install it in the image, or change the script's first line"
	case err == nil && info.Mode()&0o111 == 0:
		e.Text = fmt.Sprintf("%s is a script for %s, which has no execute permission", path, fields[0])
	}
}

func (e *ProgramError) binary(path string, f *os.File) {
	file, err := elf.NewFile(f)
	if err != nil {
		e.Text, e.Way = path+" is a damaged ELF file: "+err.Error(), ""
		return
	}
	if machine := file.Machine; !runsHere(machine) {
		e.Text = fmt.Sprintf("%s is built for %s; this machine is %s", path, archOf(machine), runtime.GOARCH)
		e.Way = "pull the image for this machine: --platform linux/" + runtime.GOARCH
		return
	}
	loader := interpreter(file)
	if loader == "" {
		return
	}
	if _, err := os.Stat(loader); errors.Is(err, fs.ErrNotExist) {
		e.Text = fmt.Sprintf("%s needs the dynamic loader %s, which the image does not have", path, loader)
		e.Way = "build the program statically, or for the image's C library"
		if strings.Contains(loader, "ld-linux") {
			e.Way += " (it was built for glibc; Alpine images have musl)"
		}
	}
}

// interpreter is the program header PT_INTERP: the loader's path (elf(5)).
func interpreter(file *elf.File) string {
	for _, p := range file.Progs {
		if p.Type != elf.PT_INTERP || p.Filesz > unix.PathMax {
			continue
		}
		name := make([]byte, p.Filesz)
		if _, err := io.ReadFull(p.Open(), name); err == nil {
			return strings.TrimRight(string(name), "\x00")
		}
	}
	return ""
}

func runsHere(m elf.Machine) bool {
	switch runtime.GOARCH {
	case "amd64":
		return m == elf.EM_X86_64 || m == elf.EM_386
	case "arm64":
		return m == elf.EM_AARCH64 || m == elf.EM_ARM
	}
	return true
}

// archOf is the name of a machine as image platforms spell it.
func archOf(m elf.Machine) string {
	switch m {
	case elf.EM_X86_64:
		return "amd64"
	case elf.EM_386:
		return "386"
	case elf.EM_AARCH64:
		return "arm64"
	case elf.EM_ARM:
		return "arm"
	case elf.EM_S390:
		return "s390x"
	case elf.EM_PPC64:
		return "ppc64le"
	case elf.EM_RISCV:
		return "riscv64"
	}
	return m.String()
}

func dirOf(path string) string {
	if i := strings.LastIndex(path, "/"); i > 0 {
		return path[:i]
	}
	return "/"
}
