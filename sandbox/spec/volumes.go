package spec

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// SubpathOption begins the option of a bind mount that shows what is below its source, at
// this path, which must not lead out of the source. It is no option of the kernel's:
// sandbox/rootfs acts on it when it opens the source, so that nobody who can write into
// the volume can put a link there between a look and the mount.
const SubpathOption = "x-subpath="

// A Volume is a directory that outlives its container, or that came to be with it.
type Volume struct {
	Name        string
	Destination string // absolute, clean
	Anonymous   bool   // nobody gave it a name: it goes with the container if that is removed with -v
	Copy        bool   // while it is empty, it is filled from what the image has at the destination
	Subpath     string // "", or what the container sees of it
	Labels      map[string]string
}

// An InheritedMount is one that another container has, too.
type InheritedMount struct {
	Mount  specs.Mount
	Volume *Volume // nil: a directory of the host
}

// inheritedMounts are those at places where the user mounts nothing else.
func inheritedMounts(in *Input, taken map[string]bool) []request {
	var all []request
	for _, i := range slices.Backward(in.Inherited) {
		if dest := i.Mount.Destination; !taken[dest] {
			taken[dest] = true
			all = append(all, request{mount: i.Mount, volume: i.Volume})
		}
	}
	return all
}

// setVolume takes a key of --mount that only a volume has.
func (m *mountFlag) setVolume(key, value string) error {
	switch key {
	case "volume-label":
		if m.volume.Labels == nil {
			m.volume.Labels = map[string]string{}
		}
		name, text, _ := strings.Cut(value, "=")
		m.volume.Labels[name] = text
	case "volume-driver":
		if value != "local" {
			return hinted("the only driver is local", "plugin %q not found", value)
		}
	case "volume-subpath":
		if !filepath.IsLocal(value) || hasNUL(value) || strings.Contains(value, ",") {
			return errors.New("subpath must be a relative path within the volume")
		}
		m.volume.Subpath = path.Clean(value)
	case "volume-opt":
		return errors.New("the driver local has no options here")
	}
	return nil
}

func (m *mountFlag) volumeRequest(dest string) (request, error) {
	v := m.volume
	v.Name, v.Anonymous, v.Copy = m.source, m.source == "", !m.bind.noCopy
	if v.Anonymous && v.Subpath != "" {
		return request{}, errors.New("must not set Subpath when using anonymous volumes")
	}
	if hasNUL(v.Name) {
		return request{}, fmt.Errorf("source %q contains a NUL byte", v.Name)
	}
	r := request{mount: bind("", dest, m.bind), volume: &v}
	if v.Subpath != "" && v.Subpath != "." {
		r.mount.Options = append([]string{SubpathOption + v.Subpath}, r.mount.Options...)
	}
	return r, nil
}

// isDeclared reports whether the words of -v are a destination alone.
func isDeclared(v string) bool { return v != "" && !strings.Contains(v, ":") }

// declaredVolumes are those of which only the place is known: -v DESTINATION, and the
// image's VOLUME. What else is mounted there comes before them. An image cannot put one
// in the place of our own mounts: the container's /proc or /dev would not be what it is
// taken for.
func declaredVolumes(in *Input, res *Result, own []specs.Mount, taken map[string]bool) ([]request, error) {
	var all []request
	add := func(dest string) {
		if !taken[dest] {
			taken[dest] = true
			all = append(all, request{mount: bind("", dest, bindOptions{}), volume: &Volume{Anonymous: true, Copy: true}})
		}
	}
	for _, v := range in.Options.Volumes {
		if !isDeclared(v) {
			continue
		}
		dest, err := destination(v)
		if err != nil {
			return nil, fmt.Errorf("--volume %q: %w", v, err)
		}
		add(dest)
	}
	reserved := append(slices.Clone(own), sharedMounts(in)...)
	for _, v := range slices.Sorted(maps.Keys(in.Image.Volumes)) {
		dest, err := destination(v)
		ours := slices.ContainsFunc(reserved, func(m specs.Mount) bool { return m.Destination == dest })
		if err != nil || ours || strings.HasPrefix(dest, "/proc/") {
			res.warn("the image wants a volume at %q, where none can be; it is left out", v)
			continue
		}
		add(dest)
	}
	return all, nil
}

// place gives a volume its directory on the host.
func (r *Result) place(in *Input, q *request) {
	if q.volume == nil {
		return
	}
	v := *q.volume
	v.Destination = q.mount.Destination
	v.Name, q.mount.Source = in.Volume(v.Name)
	r.Volumes = append(r.Volumes, v)
}
