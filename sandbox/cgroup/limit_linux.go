package cgroup

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Limit sets the device rules of r. The warnings name what of r is not kept to.
func (g *Group) Limit(r *specs.LinuxResources) (warnings []string, err error) {
	if r == nil {
		return nil, nil
	}
	rules, err := deviceRules(r.Devices)
	if err != nil {
		return nil, fmt.Errorf("limit cgroup %s: %w", g.Path, err)
	}
	if n := len(rules); n == 0 || rules[n-1].isDefault() && rules[n-1].allow {
		return unsupported(r), nil // everything is allowed: that is so without rules
	}
	limit := g.limitDevicesV1
	if g.h.Version == 2 {
		limit = g.limitDevicesV2
	}
	if err := limit(rules); err != nil {
		return nil, fmt.Errorf("limit cgroup %s: %w", g.Path, err)
	}
	return unsupported(r), nil
}

// unsupported lists the limits of a configuration that nobody sets yet.
func unsupported(r *specs.LinuxResources) []string {
	if r == nil {
		return nil
	}
	var warnings []string
	for _, l := range []struct {
		name string
		set  bool
	}{
		{"memory", r.Memory != nil && *r.Memory != specs.LinuxMemory{}},
		{"cpu", r.CPU != nil && *r.CPU != specs.LinuxCPU{}},
		{"pids", r.Pids != nil && r.Pids.Limit != nil && *r.Pids.Limit > 0},
		{"blockIO", r.BlockIO != nil},
		{"hugepageLimits", len(r.HugepageLimits) > 0},
		{"network", r.Network != nil},
		{"rdma", len(r.Rdma) > 0},
		{"unified", len(r.Unified) > 0},
	} {
		if l.set {
			warnings = append(warnings, "resources."+l.name+" is not supported: the container runs without this limit")
		}
	}
	return warnings
}
