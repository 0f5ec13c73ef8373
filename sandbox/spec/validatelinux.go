package spec

import (
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// linux checks config-linux.md's part.
func (c *complaints) linux(l *specs.Linux) {
	if l == nil {
		c.add("linux: missing, and this is a runtime for Linux")
		return
	}
	c.namespaces(l)
	for _, p := range slices.Concat(l.MaskedPaths, l.ReadonlyPaths) {
		c.absolute("linux: masked or read-only path", p)
	}
	if hasNUL(l.CgroupsPath) || slices.Contains(strings.Split(l.CgroupsPath, "/"), "..") {
		c.add("linux.cgroupsPath: %q leaves its hierarchy", l.CgroupsPath)
	}
	switch l.RootfsPropagation {
	case "", "unbindable", "runbindable":
	default:
		if !isPropagation(l.RootfsPropagation) {
			c.add("linux.rootfsPropagation: unknown %q", l.RootfsPropagation)
		}
	}
	c.devices(l)
	c.sysctls(l)
}

func (c *complaints) namespaces(l *specs.Linux) {
	seen := map[specs.LinuxNamespaceType]bool{}
	for _, ns := range l.Namespaces {
		switch ns.Type {
		case specs.PIDNamespace, specs.NetworkNamespace, specs.MountNamespace, specs.IPCNamespace,
			specs.UTSNamespace, specs.UserNamespace, specs.CgroupNamespace, specs.TimeNamespace:
		default:
			c.add("linux.namespaces: unknown type %q", ns.Type)
		}
		if seen[ns.Type] {
			c.add("linux.namespaces: %s twice", ns.Type)
		}
		seen[ns.Type] = true
		if ns.Path != "" {
			c.absolute("linux.namespaces: path of "+string(ns.Type), ns.Path)
		}
	}
	if !seen[specs.MountNamespace] {
		c.add("linux.namespaces: no mount namespace, so the container's mounts would be the host's")
	}
	if len(l.UIDMappings)+len(l.GIDMappings) > 0 && !seen[specs.UserNamespace] {
		c.add("linux.uidMappings, gidMappings: there is no user namespace to map")
	}
}

func (c *complaints) devices(l *specs.Linux) {
	for _, d := range l.Devices {
		c.absolute("linux.devices: path", d.Path)
		switch d.Type {
		case "c", "b", "u", "p":
		default:
			c.add("linux.devices: %s has the unknown type %q", d.Path, d.Type)
		}
		if path.Clean(d.Path) == "/" || d.Major < 0 || d.Minor < 0 {
			c.add("linux.devices: %s %d:%d is not a device", d.Path, d.Major, d.Minor)
		}
	}
	if l.Resources == nil {
		return
	}
	c.limits(l.Resources)
	for i, rule := range l.Resources.Devices {
		switch rule.Type {
		case "", "a", "b", "c":
		default:
			c.add("linux.resources.devices[%d]: unknown type %q", i, rule.Type)
		}
		if rule.Access != "" && !isAccess(rule.Access) {
			c.add("linux.resources.devices[%d]: access %q is not of r, w and m", i, rule.Access)
		}
	}
}

// limits looks for numbers that no kernel takes, or that contradict each other.
func (c *complaints) limits(r *specs.LinuxResources) {
	if m := r.Memory; m != nil {
		for _, n := range []*int64{m.Limit, m.Swap, m.Reservation} {
			if n != nil && *n < -1 {
				c.add("linux.resources.memory: %d is neither a size nor -1, which is none", *n)
			}
		}
		if m.Limit != nil && m.Swap != nil && *m.Swap > 0 && *m.Swap < *m.Limit {
			c.add("linux.resources.memory.swap: %d, memory and swap together, is below the limit %d of memory alone", *m.Swap, *m.Limit)
		}
	}
	if b := r.BlockIO; b != nil && b.Weight != nil && *b.Weight != 0 && (*b.Weight < 10 || *b.Weight > 1000) {
		c.add("linux.resources.blockIO.weight: %d is not 10 to 1000", *b.Weight)
	}
	if cpu := r.CPU; cpu != nil {
		for _, list := range []string{cpu.Cpus, cpu.Mems} {
			if _, err := parseList(list); err != nil {
				c.add("linux.resources.cpu: %v", err)
			}
		}
	}
}

// sysctls wants a namespace of the container's own behind each, like buildSysctls.
// Beside those that a flag may set, a config.json may set the uts namespace's two names.
func (c *complaints) sysctls(l *specs.Linux) {
	for name, value := range l.Sysctl {
		c.text("linux.sysctl", value)
		kind, ok := sysctlNamespace(name)
		if name == "kernel.domainname" || name == "kernel.hostname" {
			kind, ok = specs.UTSNamespace, true
		}
		switch {
		case !ok:
			c.add("linux.sysctl: %q would change the whole machine", name)
		case !hasNamespace(l, kind):
			c.add("linux.sysctl: %q would change the host's %s namespace", name, kind)
		}
	}
}

// hasNamespace tells whether the container has one of that kind to itself.
func hasNamespace(l *specs.Linux, kind specs.LinuxNamespaceType) bool {
	return slices.ContainsFunc(l.Namespaces, func(ns specs.LinuxNamespace) bool { return ns.Type == kind })
}
