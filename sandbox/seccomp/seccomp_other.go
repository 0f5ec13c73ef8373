//go:build !linux

package seccomp

import (
	"errors"
	"io"

	"github.com/opencontainers/runtime-spec/specs-go"
)

var errLinux = errors.New("seccomp filters exist on Linux only")

// Default needs Linux.
func Default([]string) (*specs.LinuxSeccomp, error) { return nil, errLinux }

// ParseProfile needs Linux.
func ParseProfile(io.Reader, []string) (*specs.LinuxSeccomp, error) { return nil, errLinux }

// Load needs Linux.
func Load(Program, ...specs.LinuxSeccompFlag) error { return errLinux }

// A Cache keeps nothing here.
type Cache struct{ Dir string }

// Program compiles the profile.
func (Cache) Program(p *specs.LinuxSeccomp) (Program, error) { return Compile(p) }
