package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/pull/store"
	"github.com/learnbox/learnbox/sandbox"
	"github.com/learnbox/learnbox/sandbox/seccomp"
	"github.com/learnbox/learnbox/sandbox/spec"
)

// runFlags are Docker's flags that describe a container, for every verb that
// makes one. What they mean is decided in sandbox/spec.
type runFlags struct {
	Interactive bool     `short:"i" help:"Keep standard input open."`
	TTY         bool     `name:"tty" short:"t" help:"Give the program a terminal."`
	Env         []string `short:"e" sep:"none" placeholder:"NAME[=VALUE]" help:"Set an environment variable, or pass this one on."`
	EnvFile     []string `sep:"none" placeholder:"FILE" help:"Read environment variables from a file."`
	Volume      []string `short:"v" sep:"none" placeholder:"[SRC:]DST[:ro]" help:"Mount a volume, or a directory or file of this machine."`
	Mount       []string `sep:"none" placeholder:"type=volume|bind|tmpfs,..." help:"The same in long words."`
	Tmpfs       []string `sep:"none" placeholder:"DST[:OPTIONS]" help:"Mount an empty file system in memory."`
	VolumesFrom []string `sep:"none" placeholder:"CONTAINER[:ro]" help:"Mount what another container has mounted."`
	Workdir     string   `short:"w" placeholder:"DIR" help:"Working directory inside the container."`
	User        string   `short:"u" placeholder:"USER[:GROUP]" help:"Names or numbers of the program's user and group."`
	GroupAdd    []string `sep:"none" placeholder:"GROUP" help:"Another group for the program."`
	Entrypoint  *string  `placeholder:"PROGRAM" help:"Run this instead of the image's entrypoint."`
	Hostname    string   `short:"h" placeholder:"NAME" help:"Hostname of the container."`
	AddHost     []string `sep:"none" placeholder:"NAME:IP" help:"Another line for /etc/hosts."`
	DNS         []string `name:"dns" sep:"none" placeholder:"IP" help:"A name server for /etc/resolv.conf."`
	DNSSearch   []string `name:"dns-search" sep:"none" placeholder:"DOMAIN" help:"A search domain for /etc/resolv.conf."`
	Network     string   `aliases:"net" placeholder:"none|host" help:"A network of its own with a loopback only (the default), or the machine's."`
	ReadOnly    bool     `help:"Make the root file system read-only."`
	CapAdd      []string `sep:"none" placeholder:"CAP" help:"Grant a capability, or ALL."`
	CapDrop     []string `sep:"none" placeholder:"CAP" help:"Take a capability away, or ALL."`
	Privileged  bool     `help:"Grant all capabilities and devices, hide nothing: no isolation to speak of."`
	SecurityOpt []string `sep:"none" placeholder:"OPTION" help:"no-new-privileges, seccomp=FILE or seccomp=unconfined."`
	Device      []string `sep:"none" placeholder:"HOST[:DST][:rwm]" help:"Allow a device of this machine."`
	Init        bool     `help:"Run a small init as PID 1 that reaps orphans and passes signals on."`
	PID         string   `name:"pid" placeholder:"host" help:"Share the machine's process IDs."`
	IPC         string   `name:"ipc" placeholder:"host" help:"Share the machine's message queues and shared memory."`
	UTS         string   `name:"uts" placeholder:"host" help:"Share the machine's hostname."`
	ShmSize     string   `placeholder:"SIZE" help:"Size of /dev/shm (default 64m)."`
	Ulimit      []string `sep:"none" placeholder:"NAME=SOFT[:HARD]" help:"A resource limit of the program."`
	Sysctl      []string `sep:"none" placeholder:"NAME=VALUE" help:"A kernel parameter of the container's namespaces."`
	limitFlags
	Cgroupns   string `placeholder:"private|host" help:"A view of the control groups of its own, or the machine's (default private on cgroup v2, host on v1)."`
	StopSignal string `placeholder:"SIGNAL" help:"Signal that asks the program to end (default the image's, or SIGTERM)."`
	watchFlags
	Label []string `short:"l" sep:"none" placeholder:"NAME=VALUE" help:"A label of the container."`
}

// flags are the flags themselves, of whatever verb they are part of.
func (f *runFlags) flags() *runFlags { return f }

// imageFlags are Docker's flags that say which image, for every verb that makes
// a container of one.
type imageFlags struct {
	Pull        string `enum:"always,missing,never" default:"missing" placeholder:"WHEN" help:"Ask the registry always, when the image is missing, or never."`
	Platform    string `placeholder:"OS/ARCH[/VARIANT]" help:"Take the image for this platform."`
	MaxUnpacked string `placeholder:"SIZE" help:"Give up on an image that unpacks to more (default 32g)."`
	Quiet       bool   `short:"q" help:"Say nothing while the image is pulled."`
}

// flattened finds the image, pulls it if it has to, and returns it with the
// directory that it unpacks to.
func (f *imageFlags) flattened(ctx context.Context, a *app, word string) (img store.Image, rootfs string, err error) {
	if err := a.limitUnpacked(f.MaxUnpacked); err != nil {
		return store.Image{}, "", err
	}
	if img, err = a.imageFor(ctx, word, f.Platform, f.Pull, f.Quiet); err != nil {
		return store.Image{}, "", err
	}
	rootfs, err = a.flatten(ctx, img)
	return img, rootfs, err
}

// options turns the flags into those of package spec; files are read here.
func (f *runFlags) options(command []string) (spec.Options, error) {
	env, err := readEnvFiles(f.EnvFile)
	if err != nil {
		return spec.Options{}, err
	}
	return spec.Options{
		Command: command, Entrypoint: f.Entrypoint,
		Interactive: f.Interactive, TTY: f.TTY, Init: f.Init, ReadOnly: f.ReadOnly, Privileged: f.Privileged,
		Env:     append(env, f.Env...),
		Workdir: f.Workdir, User: f.User, Hostname: f.Hostname, StopSignal: f.StopSignal,
		GroupAdd: f.GroupAdd, Volumes: f.Volume, Mounts: f.Mount, Tmpfs: f.Tmpfs, Devices: f.Device,
		AddHost: f.AddHost, DNS: f.DNS, DNSSearch: f.DNSSearch,
		CapAdd: f.CapAdd, CapDrop: f.CapDrop, SecurityOpt: f.SecurityOpt,
		Ulimits: f.Ulimit, Sysctls: f.Sysctl, Labels: f.Label,
		Network: f.Network, PID: f.PID, IPC: f.IPC, UTS: f.UTS, ShmSize: f.ShmSize,
		Cgroupns: f.Cgroupns, Limits: f.limits(),
	}, nil
}

func readEnvFiles(names []string) ([]string, error) {
	var env []string
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("--env-file: %w", err)
		}
		vars, err := spec.ParseEnvFile(f, os.Environ())
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("--env-file %s: %w", name, err)
		}
		env = append(env, vars...)
	}
	return env, nil
}

// build makes the config.json of the container with this ID, whose files are in
// the directory dir, from an image and the flattened one.
func (f *runFlags) build(a *app, id, dir string, img store.Image, rootfs string, command []string) (spec.Result, error) {
	options, err := f.options(command)
	if err != nil {
		return spec.Result{}, err
	}
	host, err := hostFacts()
	if err != nil {
		return spec.Result{}, err
	}
	wd, err := os.Getwd()
	if err != nil {
		return spec.Result{}, err
	}
	in := spec.Input{
		ID: id, Image: img.Config.Config, Options: options, Host: host,
		Dir: wd, EtcDir: filepath.Join(dir, "etc"), Device: hostDevices,
		Volume: a.volumePlace,
	}
	if in.Inherited, err = a.inherited(f.VolumesFrom); err != nil {
		return spec.Result{}, err
	}
	in.Passwd, in.Group = imageFile(rootfs, "etc/passwd"), imageFile(rootfs, "etc/group")
	built, err := spec.Build(in)
	if err == nil {
		err = checkVolumes(built)
	}
	if err != nil {
		return spec.Result{}, err
	}
	built.Spec.Root.Path = filepath.Join(dir, "merged")
	return built, nil
}

// hostPIDs reports whether the init is to be cloned without a pid namespace. It
// has to be cloned in any case, so that is what whatif leaves out of the step.
func (c *RunCmd) hostPIDs(a *app) bool {
	return c.PID == "host" || slices.Contains(a.without, "init.clone")
}

// record is what learnbox keeps besides the config.json.
func (c *containerFlags) record(a *app, ct *created, word string, img store.Image, rootfs string) lifecycle.Record {
	return lifecycle.Record{
		ID: ct.ID, Name: ct.Name, Image: word, ImageID: img.ID.String(), Rootfs: rootfs,
		Created: time.Now().UTC(), AutoRemove: c.Rm, Init: ct.built.Init, OpenStdin: c.Interactive, Detached: c.detached,
		Seccomp: ct.built.SeccompProfile, StopSignal: ct.built.StopSignal, Labels: ct.built.Labels,
		Restart: ct.watch.restart, Health: ct.watch.health,
		Args: ct.built.Spec.Process.Args, Command: a.argv[min(1, len(a.argv)):], // a shield was not typed
		Volumes: ct.Mounted(),
	}
}

// seccompProfile returns what compiles the profile that a container asks for. A
// profile of the user's is read at once, so that its faults come first.
func (a *app) seccompProfile(built spec.Result) (compile func() (sandbox.Filter, error), err error) {
	var caps []string
	if c := built.Spec.Process.Capabilities; c != nil {
		caps = c.Bounding
	}
	switch built.SeccompProfile {
	case spec.SeccompUnconfined:
		return func() (sandbox.Filter, error) { return sandbox.Filter{}, nil }, nil
	case "":
		return func() (sandbox.Filter, error) {
			profile, err := seccomp.Default(caps)
			if err != nil {
				return sandbox.Filter{}, err
			}
			return a.compileSeccomp(profile)
		}, nil
	}
	f, err := os.Open(built.SeccompProfile)
	if err != nil {
		return nil, fmt.Errorf("read the seccomp profile: %w", err)
	}
	defer f.Close()
	profile, err := seccomp.ParseProfile(f, caps)
	if err != nil {
		return nil, err
	}
	return func() (sandbox.Filter, error) { return a.compileSeccomp(profile) }, nil
}

func (a *app) compileSeccomp(profile *specs.LinuxSeccomp) (sandbox.Filter, error) {
	program, err := seccomp.Cache{Dir: filepath.Join(a.root, "cache", "seccomp")}.Program(profile)
	if err != nil {
		return sandbox.Filter{}, err
	}
	return sandbox.Filter{Program: program.Bytes(), Flags: profile.Flags}, nil
}

// prepareSources makes the directories that -v names and that are missing, as
// Docker does, and refuses what --mount names and is missing, as Docker does.
func prepareSources(built spec.Result) error {
	for _, name := range built.MustExist {
		if _, err := os.Stat(name); err != nil {
			return fmt.Errorf("--mount: the source %s: %w", name, err)
		}
	}
	for _, name := range built.CreateDirs {
		if _, err := os.Stat(name); err == nil {
			continue
		}
		if err := os.MkdirAll(name, 0o755); err != nil {
			return fmt.Errorf("-v: make the source: %w", err)
		}
	}
	return nil
}
