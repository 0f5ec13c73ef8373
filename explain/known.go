package explain

import (
	"path/filepath"
	"slices"
)

// Known is what becomes known of a container once it has a place. Steps look it
// up by their id.
type Known struct {
	ID, Name, Rootfs string
	Dir              string // empty: there is no journal to write
	Groups, Sysctls  []string
	Volumes          []string // where in the container they are
	Limits           []string // files of the groups; see evidence.Subject
	Needed           []string // the steps that this run takes
	Args             func(step string) []string
	ByHand           func(step string) []string
}

// Know tells what became known of the container. Its journal begins.
func (t *Teller) Know(k Known) {
	t.mu.Lock()
	defer t.mu.Unlock()
	first := t.known.ID == ""
	t.known, t.group = k, nil
	dir := k.Dir
	if path, err := filepath.EvalSymlinks(dir); err == nil && dir != "" {
		dir = path // the kernel's table of mounts has no symbolic links
	}
	t.place.Container, t.place.Name, t.place.Dir, t.place.Rootfs = k.ID, k.Name, dir, k.Rootfs
	t.place.Groups, t.place.Sysctls, t.place.Volumes = k.Groups, k.Sysctls, k.Volumes
	t.subject.Dir, t.subject.Rootfs, t.subject.Groups, t.subject.Sysctls = dir, k.Rootfs, k.Groups, k.Sysctls
	t.subject.Limits, t.place.Limits = k.Limits, k.Limits
	if len(k.Needed) > 0 {
		t.place.Planned = true
		t.place.Next = slices.DeleteFunc(t.place.Next, func(id string) bool { return !slices.Contains(k.Needed, id) })
	}
	if first {
		t.scribe.work <- func() { t.scribe.openJournal(k) }
	}
}
