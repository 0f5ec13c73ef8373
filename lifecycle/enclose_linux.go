package lifecycle

import (
	"errors"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/sandbox/cgroup"
)

// Enclose makes the control group of a draft that is not to become a container
// but to hold some, as the shield of whatif does. Discard kills all that is in
// it, and so does Repair if the draft's maker dies.
func (d *Draft) Enclose(limits *specs.LinuxResources) (*cgroup.Group, error) {
	h, err := cgroup.Detect()
	if err != nil {
		return nil, err
	}
	g, err := cgroup.Create(h, d.Cgroup)
	if err != nil {
		return nil, err
	}
	if _, err := g.Limit(limits); err != nil {
		return nil, errors.Join(err, g.Remove())
	}
	d.group = g
	return g, nil
}
