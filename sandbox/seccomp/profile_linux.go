package seccomp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	moby "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// maxProfile is the largest profile file, in bytes. Docker's has 18 kB.
const maxProfile = 1 << 20

// Default is Docker's profile, resolved for this machine's architecture and
// kernel and for a container with the given capabilities (CAP_SYS_ADMIN, …):
// a capability opens the calls that need it.
func Default(caps []string) (*specs.LinuxSeccomp, error) {
	p, err := moby.GetDefaultProfile(specWith(caps))
	if err != nil {
		return nil, fmt.Errorf("resolve Docker's seccomp profile: %w", err)
	}
	return p, nil
}

// specWith is the part of a container's configuration that a profile looks at.
func specWith(caps []string) *specs.Spec {
	return &specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{Bounding: caps}}}
}

// ParseProfile reads a profile in Docker's format (--security-opt
// seccomp=FILE), with includes, excludes, archMap and minKernel, and resolves
// it as [Default] does.
//
// It is stricter than Docker, which passes over what it does not know: there,
// an "exclude" with the s forgotten silently grants calls to everybody.
func ParseProfile(r io.Reader, caps []string) (*specs.LinuxSeccomp, error) {
	p, err := parseProfile(r, caps)
	if err != nil {
		return nil, fmt.Errorf("read seccomp profile: %w", err)
	}
	return p, nil
}

func parseProfile(r io.Reader, caps []string) (*specs.LinuxSeccomp, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxProfile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxProfile {
		return nil, fmt.Errorf("larger than %d bytes", maxProfile)
	}
	if err := checkProfile(data); err != nil {
		return nil, err
	}
	p, err := moby.LoadProfile(string(data), specWith(caps))
	if err != nil {
		return nil, err
	}
	// What is wrong with a rule or a flag should be seen where the file is named,
	// not in the init.
	if _, err := Compile(p); err != nil {
		return nil, err
	}
	if _, err := flagBits(p.Flags); err != nil {
		return nil, err
	}
	return p, nil
}

// A profileFile has the fields of Docker's format, and the two that Podman's
// adds to it: the name of an errno whose number stands beside it.
type profileFile struct {
	moby.Seccomp

	DefaultErrno string         `json:"defaultErrno"`
	Syscalls     []*profileRule `json:"syscalls"`
}

type profileRule struct {
	moby.Syscall

	Errno string `json:"errno"`
}

// checkProfile refuses what Docker's reader would pass over or stumble on.
func checkProfile(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var f profileFile
	if err := dec.Decode(&f); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the closing brace")
	}
	if f.DefaultAction == "" {
		// Docker takes a file without action and rules as "no filter".
		return errors.New("no defaultAction")
	}
	for i, r := range f.Syscalls {
		if r == nil {
			return fmt.Errorf("syscalls[%d] is null", i)
		}
	}
	return nil
}
