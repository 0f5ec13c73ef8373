package seccomp

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/atomicfile"
)

// A Cache keeps compiled programs in Dir, one file each. Docker's profile costs
// a fresh process a quarter of a millisecond to compile, and a quarter of that
// to read back.
//
// A file is named after a digest of everything that the program depends on, so
// it is never out of date and nothing ever has to be thrown away. It holds
// the SHA-256 of the program and then the program.
type Cache struct{ Dir string }

// Program compiles the profile, or returns what an earlier call compiled. A
// cache that cannot be read or written, or holds something else than this
// process would have written, costs time and nothing else.
func (c Cache) Program(p *specs.LinuxSeccomp) (Program, error) {
	if p == nil {
		return Compile(p)
	}
	path := filepath.Join(c.Dir, key(p, runtime.GOARCH)+".bpf")
	if prog, err := readProgram(path); err == nil {
		return prog, nil
	}
	prog, err := Compile(p)
	if err != nil {
		return nil, err
	}
	c.keep(path, prog)
	return prog, nil
}

// keep writes a program for the next time. An error is not reported: the
// caller has its program.
func (c Cache) keep(path string, prog Program) {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return
	}
	code := prog.Bytes()
	sum := sha256.Sum256(code)
	// Without fsync: a file that a crash left empty fails its checksum.
	_ = atomicfile.WriteVolatile(path, append(sum[:], code...), 0o600)
}

// readProgram takes a file only from a place where nobody but this user could
// have put it: who can write here decides what containers may do.
//
// It takes four system calls. An os.File would take more: the first one of a
// process sets up the Go runtime's poller.
func readProgram(path string) (Program, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	size, err := checkFile(fd)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	data := make([]byte, size)
	if _, err := unix.Read(fd, data); err != nil { // bytes that do not come fail the checksum
		return nil, err
	}
	want, code := data[:sha256.Size], data[sha256.Size:]
	if got := sha256.Sum256(code); !bytes.Equal(got[:], want) {
		return nil, fmt.Errorf("%s: wrong checksum", path)
	}
	return FromBytes(code)
}

// checkFile returns the size of a file that only this user can have written.
func checkFile(fd int) (int64, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return 0, err
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFREG || st.Mode&0o077 != 0:
		return 0, fmt.Errorf("not a private file, mode %#o", st.Mode)
	case st.Uid != uint32(os.Geteuid()):
		return 0, fmt.Errorf("owned by user %d", st.Uid)
	case st.Size < sha256.Size || st.Size > sha256.Size+MaxInstructions*instructionSize:
		return 0, fmt.Errorf("%d bytes are no program", st.Size)
	}
	return st.Size, nil
}

// key is a digest of the profile, the architecture and this compiler. The
// profile is already resolved: what the capabilities and the kernel's version
// changed in it is in its content. Each part is preceded by its length or
// number, so that no two profiles look the same.
func key(p *specs.LinuxSeccomp, goarch string) string {
	b := make([]byte, 0, 8<<10)
	number := func(n uint64) { b = binary.AppendUvarint(b, n) }
	text := func(s string) {
		number(uint64(len(s)))
		b = append(b, s...)
	}
	errnoRet := func(e *uint) {
		if e == nil {
			number(0)
			return
		}
		number(1 + uint64(*e))
	}

	number(compilerVersion)
	text(goarch)
	text(string(p.DefaultAction))
	errnoRet(p.DefaultErrnoRet)
	number(uint64(len(p.Architectures)))
	for _, a := range p.Architectures {
		text(string(a))
	}
	number(uint64(len(p.Syscalls)))
	for _, s := range p.Syscalls {
		text(string(s.Action))
		errnoRet(s.ErrnoRet)
		number(uint64(len(s.Names)))
		for _, n := range s.Names {
			text(n)
		}
		number(uint64(len(s.Args)))
		for _, a := range s.Args {
			number(uint64(a.Index))
			number(a.Value)
			number(a.ValueTwo)
			text(string(a.Op))
		}
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
