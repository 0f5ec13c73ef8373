package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/explain/evidence"
	"github.com/learnbox/learnbox/lifecycle"
)

// A described container is what its report is made from.
type described struct {
	lifecycle.Container
	spec  *specs.Spec
	flags runFlags     // as typed; those of a command line that cannot be read are empty
	image *imageConfig // empty if the image is gone
	dir   string       // absolute: the container's files
}

// inspectContainer is what inspect shows about one container.
func (a *app) inspectContainer(word string, size bool) (any, error) {
	all, ct, err := a.knownContainer("inspect", word)
	if err != nil {
		return nil, err
	}
	_, spec, err := all.Definition(ct.ID)
	if err != nil {
		return nil, err
	}
	d := described{Container: ct, spec: spec, flags: typedFlags(ct.Command), dir: filepath.Join(a.root, "containers", ct.ID)}
	d.image = a.configOfImage(ct.ImageID)
	r := d.report()
	if ct.State.Status.Alive() {
		r.State.OOMKilled = r.State.OOMKilled || all.OOMKilled(ct.ID, spec.Linux.Resources)
	}
	if size {
		own, whole, err := a.containerSize(a.ctx, ct)
		if err != nil {
			return nil, err
		}
		r.SizeRw, r.SizeRootFs = &own, &whole
	}
	return r, nil
}

// knownContainer finds a container. One whose state says that it runs may have
// ended with the machine's power; then that is written down first.
func (a *app) knownContainer(verb, word string) (*lifecycle.Containers, lifecycle.Container, error) {
	all, err := a.containers(verb)
	if err != nil {
		return nil, lifecycle.Container{}, a.asRoot("read the containers", err)
	}
	ct, err := all.Find(word)
	if err == nil && ct.State.Status.Alive() {
		if err := all.Sweep(); err != nil {
			a.warn(verb, err.Error())
		}
		ct, err = all.Find(word)
	}
	return all, ct, a.asRoot("read the containers", err)
}

// configOfImage is the image's own config, as its author wrote it.
func (a *app) configOfImage(id string) *imageConfig {
	var raw struct {
		Config *imageConfig `json:"config"`
	}
	if img, err := a.findImage(a.ctx, id); err == nil {
		_ = json.Unmarshal(img.RawConfig, &raw)
	}
	if raw.Config == nil {
		return &imageConfig{}
	}
	return raw.Config
}

// typedFlags reads the command line that made a container once more. Flags that
// only inspect wants to know cost a run nothing that way.
func typedFlags(argv []string) runFlags {
	_, s, err := parse(new(cli), argv)
	if err != nil || s.verb == nil {
		return runFlags{}
	}
	if c, ok := s.verb.(interface{ flags() *runFlags }); ok {
		return *c.flags()
	}
	return runFlags{}
}

func (d described) report() containerReport {
	inDir := func(name string) string { return filepath.Join(d.dir, name) }
	r := containerReport{
		Id: d.ID, Created: d.Created.Format(time.RFC3339Nano), Args: []string{}, Image: d.ImageID, Name: "/" + d.Name,
		State:          d.state(),
		ResolvConfPath: inDir("etc/resolv.conf"), HostnamePath: inDir("etc/hostname"), HostsPath: inDir("etc/hosts"),
		LogPath:      inDir(lifecycle.LogName),
		RestartCount: d.State.RestartCount,
		Driver:       "overlay2", Platform: "linux",
		HostConfig: d.hostConfig(),
		GraphDriver: graphDriver{Name: "overlay2", Data: map[string]string{
			"LowerDir": d.Rootfs, "MergedDir": inDir("merged"), "UpperDir": inDir("upper"), "WorkDir": inDir("work"),
		}},
		Mounts: d.mounts(), Config: d.config(), NetworkSettings: d.network(), Learnbox: d.ours(),
	}
	if len(d.Args) > 0 {
		r.Path, r.Args = d.Args[0], append(r.Args, d.Args[1:]...)
	}
	return r
}

// existing is the path, if there is something, or nothing.
func existing(path string) string {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	return path
}

func (d described) state() stateReport {
	s := d.State
	return stateReport{
		Status: string(s.Status), Running: s.Status.Alive(),
		Paused: s.Status == lifecycle.Paused, Restarting: s.Status == lifecycle.Restarting, Dead: s.Status == lifecycle.Dead,
		Pid: s.Pid, ExitCode: s.ExitCode, Error: s.Error, OOMKilled: s.OOMKilled,
		StartedAt: s.Started.Format(time.RFC3339Nano), FinishedAt: s.Finished.Format(time.RFC3339Nano),
		Health: s.Health,
	}
}

func (d described) network() networkSettings {
	mode := firstOf(d.flags.Network, "none")
	n := networkSettings{Ports: map[string]json.RawMessage{}, Networks: map[string]networkEndpoint{mode: {}}}
	if d.State.Pid != 0 {
		n.SandboxKey = fmt.Sprintf("/proc/%d/ns/net", d.State.Pid)
	}
	return n
}

// ours is read back from the kernel where it can be.
func (d described) ours() learnboxReport {
	r := learnboxReport{
		Directory: d.dir, Config: filepath.Join(d.dir, "config.json"), Rootfs: d.Rootfs, Command: d.Command,
		Init: d.Init, Seccomp: firstOf(d.Seccomp, "default"),
		Namespaces: map[string]string{}, Shared: []string{}, Cgroups: []string{},
		Journal: existing(filepath.Join(d.dir, "events")),
	}
	if d.State.Pid != 0 {
		r.Namespaces = evidence.Namespaces(strconv.Itoa(d.State.Pid))
		machine := evidence.Namespaces("self")
		for kind, id := range r.Namespaces {
			if id == machine[kind] {
				r.Shared = append(r.Shared, kind)
			}
		}
		slices.Sort(r.Shared)
	}
	dirs, err := lifecycle.Groups(strings.TrimPrefix(d.linux().CgroupsPath, "/"))
	if err == nil {
		r.Cgroups = append(r.Cgroups, slices.DeleteFunc(dirs, func(dir string) bool { return existing(dir) == "" })...)
	}
	return r
}
