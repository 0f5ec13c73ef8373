package main

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/lifecycle/volume"
	"github.com/learnbox/learnbox/sandbox/spec"
)

// volumes are all volumes below the root.
func (a *app) volumes() volume.Store { return volume.Open(filepath.Join(a.root, "volumes")) }

// volumePlace says where a volume is, or will be.
func (a *app) volumePlace(name string) (full, source string) {
	if name == "" {
		name = lifecycle.NewVolumeName()
	}
	return name, a.volumes().Data(name)
}

// checkVolumes refuses names before anything is made.
func checkVolumes(built spec.Result) error {
	for _, v := range built.Volumes {
		if err := volume.CheckName(v.Name); err != nil {
			return err
		}
	}
	return nil
}

// wantedVolumes are the volumes of a config.json for the container that will have them.
func wantedVolumes(built spec.Result) []lifecycle.WantedVolume {
	var all []lifecycle.WantedVolume
	for _, v := range built.Volumes {
		w := lifecycle.WantedVolume{
			MountedVolume: lifecycle.MountedVolume{Name: v.Name, Destination: v.Destination, Anonymous: v.Anonymous},
			Labels:        v.Labels, Copy: v.Copy && v.Subpath == "",
		}
		if v.Anonymous {
			w.Labels = maps.Clone(v.Labels)
			if w.Labels == nil {
				w.Labels = map[string]string{}
			}
			w.Labels[volume.AnonymousLabel] = ""
		}
		all = append(all, w)
	}
	return all
}

// inherited are the mounts of the containers that --volumes-from names.
func (a *app) inherited(words []string) ([]spec.InheritedMount, error) {
	if len(words) == 0 {
		return nil, nil
	}
	all, err := lifecycle.Open(a.root, a.runDir)
	if err != nil {
		return nil, err
	}
	var mounts []spec.InheritedMount
	for _, w := range words {
		name, mode, moded := strings.Cut(w, ":")
		switch {
		case name == "":
			return nil, errors.New("--volumes-from: invalid volumes-from specification: want CONTAINER[:ro|rw]")
		case moded && mode != "ro" && mode != "rw" && mode != "z" && mode != "Z":
			return nil, fmt.Errorf("--volumes-from %s: invalid mode: %s", w, mode)
		}
		ct, err := all.Find(name)
		if err != nil {
			return nil, fmt.Errorf("--volumes-from: %w", unknownContainer(err))
		}
		_, config, err := all.Definition(ct.ID)
		if err != nil {
			return nil, err
		}
		dir := filepath.Join(a.root, "containers", ct.ID)
		mounts = append(mounts, inheritedFrom(ct, config, dir, mode == "ro")...)
	}
	return mounts, nil
}

func inheritedFrom(ct lifecycle.Container, config *specs.Spec, dir string, readOnly bool) []spec.InheritedMount {
	var mounts []spec.InheritedMount
	for _, m := range config.Mounts {
		if !sharesDirectory(m, dir) {
			continue
		}
		if readOnly && !slices.Contains(m.Options, "ro") {
			m.Options = append([]string{"ro"}, m.Options...)
		}
		i := spec.InheritedMount{Mount: m}
		if v := mountedAt(ct, m.Destination); v != nil {
			i.Volume = &spec.Volume{Name: v.Name, Anonymous: v.Anonymous}
		}
		mounts = append(mounts, i)
	}
	return mounts
}

// sharesDirectory reports whether a mount of a container shows something of the machine
// that somebody asked for. dir is the container's directory.
func sharesDirectory(m specs.Mount, dir string) bool {
	return m.Type == "bind" && filepath.Dir(m.Source) != filepath.Join(dir, "etc") && !strings.HasPrefix(m.Destination, "/dev/")
}

// mountedAt is the volume that a container has at a place, or nil.
func mountedAt(ct lifecycle.Container, dest string) *lifecycle.MountedVolume {
	for _, v := range ct.Volumes {
		if v.Destination == dest {
			return &v
		}
	}
	return nil
}

// mountsOf are a container's mounts in Docker's words; of one whose config.json cannot be
// read, the volumes.
func (a *app) mountsOf(all *lifecycle.Containers, ct lifecycle.Container) []mountPoint {
	_, config, err := all.Definition(ct.ID)
	if err != nil {
		var known []mountPoint
		for _, v := range ct.Volumes {
			known = append(known, mountPoint{Type: "volume", Name: v.Name, Source: a.volumes().Data(v.Name), Destination: v.Destination})
		}
		return known
	}
	d := described{Container: ct, spec: config, flags: typedFlags(ct.Command), dir: filepath.Join(a.root, "containers", ct.ID)}
	return d.mounts()
}
