// Package spec is the chapter on config.json: how an image's config and the words on
// a command line become the one file that describes a container to a runtime (OCI
// runtime specification, config.md).
//
// An image brings defaults: a program, an environment, a user, a directory. The
// command line overrides them. Docker adds what neither mentions: five namespaces,
// fourteen capabilities, ten mounts, a list of devices, paths to hide. Build puts the
// three together by Docker's rules, so that a command copied from Docker notes gives
// the same container; where it differs on purpose stands in
// docs/decisions/0003-spec.md. After Build there are no images any more, only a
// config.json and a directory.
//
// A config.json can also come from a stranger. Read and Validate take it in: size
// limited, required fields present, paths absolute, numbers in range.
//
// It is pure data: values in, values out, no kernel, no file system. What has to be
// looked up on the machine (capabilities, devices, the image's /etc/passwd) is handed
// in. Left out: user namespaces, and the seccomp filter itself, which sandbox/seccomp
// fills in.
package spec

import (
	"fmt"
	"io"
	"path"
	"strings"

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
	Cgroupns                                                           string // "", "private", "host"
	ShmSize                                                            string // "64m"
	Limits                                                             Limits
}

// A Host holds the facts about the machine that shape a config.json.
type Host struct {
	CgroupVersion   int      // 1 or 2
	CgroupCommon    string   // see cgroup.Hierarchy
	Capabilities    []string // the caller's bounding set, CAP_…; what is granted is cut down to it
	LastCapability  int      // number of the newest one the kernel has (caps.Last); 0: all that have a name
	Environ         []string // for "-e NAME" without a value
	Hostname        string   // the machine's own, which a container with its network or its name shares
	Hosts           string   // contents of /etc/hosts, for a container with the host's network
	ResolvConf      string   // contents of /etc/resolv.conf
	ThermalThrottle []string // every existing /sys/devices/system/cpu/cpuN/thermal_throttle, to be masked
	// HasSysctl tells whether /proc/sys has this one, "net.ipv4.ping_group_range". Docker
	// sets two by default where they exist; with nil, none is.
	HasSysctl func(name string) bool
	// Processors are the lists of the processors and of the memory nodes that there are
	// for containers, "0-3". It is called only if a limit depends on them.
	Processors func() (cpus, mems string)
}

// Input is all that Build needs.
type Input struct {
	ID      string // 64 hex digits
	Image   v1.ImageConfig
	Options Options
	Host    Host
	Dir     string // the user's working directory, absolute: what a relative source is relative to
	// EtcDir is the host's directory with the container's files hosts, hostname and
	// resolv.conf, absolute. The caller writes them, from Result.Etc.
	EtcDir string
	// Volume says where on the host the directory of a volume is, absolute. An empty name
	// asks for a new volume with a name that nobody has.
	Volume func(name string) (full, source string)
	// Inherited are the mounts of other containers, for --volumes-from; the last one for a
	// place counts.
	Inherited []InheritedMount
	// Passwd and Group open the image's /etc/passwd and /etc/group; fs.ErrNotExist if the image has none.
	Passwd, Group func() (io.ReadCloser, error)
	// Device describes the device node at a path of the host, or all of them below a
	// directory, each under its path on the host.
	Device func(path string) ([]specs.LinuxDevice, error)
}

// A Result is a config.json and what does not belong in one.
type Result struct {
	Spec *specs.Spec // Root.Path is "rootfs" and Linux.Seccomp nil: both are the caller's
	// Warnings tell what was refused but is not fatal, one sentence each.
	Warnings []string
	// CreateDirs are the sources of -v on the host: those that do not exist become
	// directories before the start, as in Docker.
	CreateDirs []string
	// MustExist are the sources of --mount on the host: one that does not exist is an error.
	MustExist []string
	// Volumes are those that the container needs; the caller makes and fills them.
	Volumes []Volume
	// Labels are the image's and the user's. They are for people and for filters; nothing
	// in learnbox acts on them, for an image's author must not steer the host (CVE-2026-53488).
	Labels map[string]string
	// StopSignal is the name, or the number, of the signal that asks the program to end: "SIGTERM".
	StopSignal string
	// SeccompProfile is "" for the default, "unconfined", or the absolute path of a profile.
	SeccompProfile string
	Init           bool   // a small init is to run the program as its child
	Hostname       string // the container's, also when it is the host's and config.json is silent
	Etc            Etc

	home string // the user's, on its way from /etc/passwd to the environment
}

// Build returns the config.json for a container, by Docker's rules. Its errors are the
// user's to mend; where the way out is known they have a method Hint() string.
func Build(in Input) (Result, error) {
	if err := in.check(); err != nil {
		return Result{}, err
	}
	res := Result{Spec: &specs.Spec{
		Version: specs.Version,
		Process: &specs.Process{Terminal: in.Options.TTY},
		Root:    &specs.Root{Path: "rootfs", Readonly: in.Options.ReadOnly},
		Linux:   &specs.Linux{Resources: &specs.LinuxResources{}},
	}}
	for _, topic := range []func(*Input, *Result) error{
		buildNamespaces,
		buildHostname,
		buildCommand,
		buildUser, // before the environment, which has the user's HOME
		buildEnv,
		buildCapabilities, // after the user: only root's are effective
		buildSecurity,
		buildMounts,
		buildDevices,
		buildRlimits,
		buildLimits,
		buildSysctls,
		buildLabels,
		buildStopSignal,
		buildEtc,
	} {
		if err := topic(&in, &res); err != nil {
			return Result{}, err
		}
	}
	return res, nil
}

// check looks at what the program, not the user, has to get right.
func (in *Input) check() error {
	if len(in.ID) != 64 || strings.Trim(in.ID, "0123456789abcdef") != "" {
		return fmt.Errorf("build config.json: container ID %q is not 64 hex digits", in.ID)
	}
	for what, dir := range map[string]string{"Dir": in.Dir, "EtcDir": in.EtcDir} {
		if !path.IsAbs(dir) {
			return fmt.Errorf("build config.json: %s %q is not absolute", what, dir)
		}
	}
	if v := in.Host.CgroupVersion; v != 1 && v != 2 {
		return fmt.Errorf("build config.json: there is no cgroup version %d", v)
	}
	return nil
}

// warn adds one sentence.
func (r *Result) warn(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}

// A hintError is an error with a way out.
type hintError struct {
	error
	hint string
}

// Hint is the second line of the error on the terminal.
func (e *hintError) Hint() string { return e.hint }

func (e *hintError) Unwrap() error { return e.error }

func hinted(hint, format string, args ...any) error {
	return &hintError{fmt.Errorf(format, args...), hint}
}
