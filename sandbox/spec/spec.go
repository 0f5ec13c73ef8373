// Package spec turns an image's config and the options of a run into an OCI
// runtime config.json. It is pure data: no kernel, no file system.
package spec

import (
	"errors"
	"io"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Options are what a user may say on the command line of run and create, Docker's
// words, as typed: Build parses and checks them.
type Options struct {
	Command                                                            []string // replaces the image's Cmd
	Entrypoint                                                         *string  // nil: the image's; "": none
	Interactive, TTY, Init, ReadOnly, Privileged                       bool
	Env, EnvFiles                                                      []string // EnvFiles: contents are read by the caller into Env by ParseEnvFile
	Workdir, User, Hostname, StopSignal                                string
	GroupAdd, Volumes, Mounts, Tmpfs, Devices, AddHost, DNS, DNSSearch []string
	CapAdd, CapDrop, SecurityOpt, Ulimits, Sysctls, Labels             []string
	Network, PID, IPC, UTS                                             string // "", "none", "host" (network); "", "host" (the others)
	ShmSize                                                            string // "64m"
}

// A Host holds the facts about the machine that shape a config.json.
type Host struct {
	CgroupVersion int      // 1 or 2
	Capabilities  []string // the caller's bounding set, CAP_…; what is granted is cut down to it
	Environ       []string // for "-e NAME" without a value
}

// Input is all that Build needs.
type Input struct {
	ID      string // 64 hex digits
	Image   v1.ImageConfig
	Options Options
	Host    Host
	// Passwd and Group open the image's /etc/passwd and /etc/group; fs.ErrNotExist if the image has none.
	Passwd, Group func() (io.ReadCloser, error)
}

// Build returns the config.json, and warnings for what was refused but is not fatal.
func Build(in Input) (*specs.Spec, []string, error) {
	return nil, nil, errors.New("spec: to be written")
}
