//go:build !linux

package main

import (
	"errors"
	"io"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/explain/byhand"
	"github.com/learnbox/learnbox/sandbox/spec"
)

// errNotLinux ends every run on this system; images can be pulled.
var errNotLinux = hintedError{errors.New("containers need Linux"), "use a virtual machine that runs it"}

func hostFacts() (spec.Host, error) { return spec.Host{}, errNotLinux }

func machine(*byhand.Input) error { return errNotLinux }

func hostDevices(string) ([]specs.LinuxDevice, error) { return nil, errNotLinux }

func imageFile(_, _ string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return nil, errNotLinux }
}
