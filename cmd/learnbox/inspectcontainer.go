package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/explain"
	"github.com/learnbox/learnbox/explain/evidence"
	"github.com/learnbox/learnbox/lifecycle"
)

// containerReport is a container in Docker's words: the keys of its API
// (ContainerInspect) as far as learnbox knows something to put there, in Docker's
// order, and one key for what is ours.
type containerReport struct {
	Id              string //nolint:revive // the key is Docker's, and templates name it
	Created         string
	Path            string
	Args            []string
	State           stateReport
	Image           string
	ResolvConfPath  string
	HostnamePath    string
	HostsPath       string
	LogPath         string
	Name            string
	RestartCount    int
	Driver          string
	Platform        string
	HostConfig      hostConfigReport
	GraphDriver     graphDriver
	Mounts          []mountReport
	Config          containerConfigReport
	NetworkSettings map[string]any
	Learnbox        learnboxReport
}

// ID is the other name that Docker's templates may use.
func (r containerReport) ID() string { return r.Id }

type stateReport struct {
	Status     string
	Running    bool
	Paused     bool
	Restarting bool
	OOMKilled  bool
	Dead       bool
	Pid        int
	ExitCode   int
	Error      string
	StartedAt  string
	FinishedAt string
}

type hostConfigReport struct {
	Binds          []string
	NetworkMode    string
	AutoRemove     bool
	CapAdd         []string
	Privileged     bool
	ReadonlyRootfs bool
	PidMode        string
	IpcMode        string
	UTSMode        string
	Init           bool
	SecurityOpt    []string
	Sysctls        map[string]string `json:",omitempty"`
	MaskedPaths    []string
	ReadonlyPaths  []string
}

type mountReport struct {
	Type        string
	Source      string
	Destination string
	Mode        string
	RW          bool
}

type containerConfigReport struct {
	Hostname   string
	User       string
	Tty        bool
	OpenStdin  bool
	Env        []string
	Cmd        []string
	Image      string
	WorkingDir string
	Labels     map[string]string
	StopSignal string `json:",omitempty"`
}

// learnboxReport is what Docker has no word for.
type learnboxReport struct {
	Rootfs     string            // the flattened image
	Seccomp    string            // the profile: default, unconfined, or a file
	Groups     []string          // directories of the control group
	Namespaces map[string]string // of the first process, while it runs
	Journal    string            // the story of its run, if it was told
}

// inspectContainer is what inspect shows about one container.
func (a *app) inspectContainer(ct lifecycle.Container) (any, error) {
	all, err := lifecycle.Open(a.root, a.runDir)
	if err != nil {
		return nil, err
	}
	record, config, err := all.Definition(ct.ID)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(a.root, "containers", ct.ID)
	etc := func(name string) string { return filepath.Join(dir, "etc", name) }
	r := containerReport{
		Id: ct.ID, Created: stamp(ct.Created), Path: first(ct.Args), Args: rest(ct.Args), State: stateOf(ct.State),
		Image: ct.ImageID, Name: "/" + ct.Name, Driver: "overlay2", Platform: "linux",
		ResolvConfPath: etc("resolv.conf"), HostnamePath: etc("hostname"), HostsPath: etc("hosts"),
		LogPath:    filepath.Join(dir, lifecycle.LogName),
		HostConfig: hostConfigOf(record, config),
		GraphDriver: graphDriver{Name: "overlay2", Data: map[string]string{
			"LowerDir": ct.Rootfs, "MergedDir": filepath.Join(dir, "merged"),
			"UpperDir": filepath.Join(dir, "upper"), "WorkDir": filepath.Join(dir, "work"),
		}},
		Mounts: volumesOf(config, dir),
		Config: containerConfigReport{
			Hostname: config.Hostname, User: userOf(config.Process), Tty: config.Process.Terminal, OpenStdin: record.OpenStdin,
			Env: config.Process.Env, Cmd: ct.Args, Image: ct.Image, WorkingDir: config.Process.Cwd,
			Labels: orEmpty(ct.Labels), StopSignal: ct.StopSignal,
		},
		NetworkSettings: map[string]any{"Ports": map[string]any{}, "Networks": map[string]any{}},
		Learnbox: learnboxReport{
			Rootfs: ct.Rootfs, Seccomp: firstOf(ct.Seccomp, "default"), Namespaces: map[string]string{},
			Journal: journalIfThere(dir),
		},
	}
	if r.Learnbox.Groups, err = lifecycle.Groups(ct.ID); err != nil {
		return nil, err
	}
	if ct.State.Pid != 0 {
		r.Learnbox.Namespaces = evidence.Namespaces(fmt.Sprint(ct.State.Pid))
	}
	return r, nil
}

func stateOf(s lifecycle.State) stateReport {
	return stateReport{
		Status: string(s.Status), Running: s.Status == lifecycle.Running || s.Status == lifecycle.Paused, Paused: s.Status == lifecycle.Paused,
		Pid: s.Pid, ExitCode: s.ExitCode, Error: s.Error, StartedAt: stamp(s.Started), FinishedAt: stamp(s.Finished),
	}
}

// stamp is a time as Docker prints it; none is the year 1.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func hostConfigOf(r lifecycle.Record, c *specs.Spec) hostConfigReport {
	h := hostConfigReport{
		AutoRemove: r.AutoRemove, Init: r.Init, NetworkMode: "none", IpcMode: "private",
		ReadonlyRootfs: c.Root != nil && c.Root.Readonly,
		Privileged:     len(c.Linux.MaskedPaths) == 0,
		Sysctls:        c.Linux.Sysctl, MaskedPaths: c.Linux.MaskedPaths, ReadonlyPaths: c.Linux.ReadonlyPaths,
	}
	shared := func(kind specs.LinuxNamespaceType) bool {
		return !slices.ContainsFunc(c.Linux.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == kind })
	}
	for kind, mode := range map[specs.LinuxNamespaceType]*string{
		specs.NetworkNamespace: &h.NetworkMode, specs.PIDNamespace: &h.PidMode,
		specs.IPCNamespace: &h.IpcMode, specs.UTSNamespace: &h.UTSMode,
	} {
		if shared(kind) {
			*mode = "host"
		}
	}
	if r.Seccomp != "" {
		h.SecurityOpt = append(h.SecurityOpt, "seccomp="+r.Seccomp)
	}
	if c.Process.NoNewPrivileges {
		h.SecurityOpt = append(h.SecurityOpt, "no-new-privileges")
	}
	for _, m := range volumesOf(c, filepath.Dir(c.Root.Path)) {
		if m.Type == "bind" {
			h.Binds = append(h.Binds, m.Source+":"+m.Destination+strings.TrimSuffix(":"+m.Mode, ":"))
		}
	}
	return h
}

// volumesOf are the mounts that the user asked for: those that are not at the
// standard places and not files of the container's own directory.
func volumesOf(c *specs.Spec, dir string) []mountReport {
	standard := []string{"/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys", "/sys/fs/cgroup"}
	mounts := []mountReport{}
	for _, m := range c.Mounts {
		if slices.Contains(standard, m.Destination) || strings.HasPrefix(m.Source, dir+"/etc/") {
			continue
		}
		v := mountReport{Type: m.Type, Source: m.Source, Destination: m.Destination, RW: !slices.Contains(m.Options, "ro")}
		if !v.RW {
			v.Mode = "ro"
		}
		if v.Type == "tmpfs" {
			v.Source = ""
		}
		mounts = append(mounts, v)
	}
	return mounts
}

// journalIfThere is the file of a container's journal, or nothing.
func journalIfThere(dir string) string {
	file := filepath.Join(dir, explain.JournalName)
	if _, err := os.Stat(file); err != nil {
		return ""
	}
	return file
}

func userOf(p *specs.Process) string {
	if p.User.UID == 0 && p.User.GID == 0 {
		return ""
	}
	return fmt.Sprintf("%d:%d", p.User.UID, p.User.GID)
}

func first(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return words[0]
}

func rest(words []string) []string {
	if len(words) < 2 {
		return []string{}
	}
	return words[1:]
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
