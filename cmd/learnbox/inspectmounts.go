package main

import (
	"maps"
	"path"
	"slices"
	"strings"
)

// mounts are those that the user or the image asked for.
func (d described) mounts() []mountPoint {
	points := []mountPoint{}
	tmpfs := pairs(d.flags.Tmpfs, ":")
	for _, m := range d.spec.Mounts {
		own := m.Type == "tmpfs" && !strings.HasPrefix(m.Destination, "/dev")
		if _, listed := tmpfs[m.Destination]; listed {
			own = false // --tmpfs stands in HostConfig only, as in Docker
		}
		if !sharesDirectory(m, d.dir) && !own {
			continue
		}
		p := mountPoint{Type: m.Type, Source: m.Source, Destination: m.Destination, RW: !slices.Contains(m.Options, "ro")}
		switch v := mountedAt(d.Container, m.Destination); {
		case own:
			p.Source = ""
		case v != nil:
			p.Type, p.Name, p.Driver, p.Mode = "volume", v.Name, "local", d.volumeMode(m.Destination)
			if p.Mode == "" && !v.Anonymous {
				p.Mode = "z" // as in Docker
			}
		default:
			p.Mode, p.Propagation = d.volumeMode(m.Destination), m.Options[len(m.Options)-1]
		}
		points = append(points, p)
	}
	return points
}

// volumeMode is what stands behind the second colon of -v.
func (d described) volumeMode(dest string) string {
	for _, v := range d.flags.Volume {
		if part := strings.Split(v, ":"); len(part) == 3 && path.Clean(part[1]) == dest {
			return part[2]
		}
	}
	return ""
}

// binds are the words of -v, with the source in full.
func (d described) binds() []string {
	var all []string
	for _, v := range d.flags.Volume {
		part := strings.Split(v, ":")
		if len(part) == 1 {
			continue // Docker has it among Config.Volumes
		}
		for _, m := range d.spec.Mounts {
			if m.Destination == path.Clean(part[1]) && mountedAt(d.Container, m.Destination) == nil {
				part[0] = m.Source
			}
		}
		all = append(all, strings.Join(part, ":"))
	}
	return all
}

// declaredVolumes are the image's, and those of -v without a source.
func (d described) declaredVolumes() map[string]struct{} {
	all := maps.Clone(d.image.Volumes)
	for _, v := range d.flags.Volume {
		if strings.Contains(v, ":") {
			continue
		}
		if all == nil {
			all = map[string]struct{}{}
		}
		all[v] = struct{}{}
	}
	return all
}
