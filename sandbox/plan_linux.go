package sandbox

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/sandbox/cgroup"
	"github.com/learnbox/learnbox/sandbox/rootfs"
	"github.com/learnbox/learnbox/sandbox/tty"
)

// A plan is the parent's first message to the init: of config.json the parts
// that the init acts on, and what is not in it. A new field travels only if
// plan.fields names it.
type plan struct {
	Hostname   string
	Process    *specs.Process
	ReadOnly   bool // the root file system
	Mounts     []specs.Mount
	Namespaces []specs.LinuxNamespace
	Devices    []specs.LinuxDevice
	Sysctl     map[string]string

	MaskedPaths, ReadonlyPaths []string

	Overlay rootfs.Overlay
	Merged  string
	Cgroups []cgroup.Mount
	Reaper  bool
	Size    tty.Size

	Narrate bool     // tell of every step
	Attend  bool     // and wait after each, and tell its calls
	Gated   bool     // and wait before each
	Without []string // steps to leave out: see package explain/whatif

	Enters bool // a container that is there already
	Stay   bool // outlive the parent

	Unconfined bool // no filter will come
	OwnFilter  bool // nothing is told once it is loaded
}

func (i *Init) plan() *plan {
	l := i.Spec.Linux
	return &plan{
		Hostname: i.Spec.Hostname, Process: i.Spec.Process, ReadOnly: i.Spec.Root != nil && i.Spec.Root.Readonly,
		Mounts: i.Spec.Mounts, Namespaces: l.Namespaces, Devices: l.Devices, Sysctl: l.Sysctl,
		MaskedPaths: l.MaskedPaths, ReadonlyPaths: l.ReadonlyPaths,
		Overlay: i.Overlay, Merged: i.Merged, Cgroups: i.group.Mounts(),
		Reaper: i.Reaper, Size: i.Size, Narrate: i.Narrate != nil, Attend: i.Narrate.Attends(), Gated: i.Narrate.Attends() && i.Narrate.Gated, Without: i.Without,
		Enters: i.enters, Stay: i.Stay,
		Unconfined: i.Unconfined, OwnFilter: i.OwnFilter,
	}
}
