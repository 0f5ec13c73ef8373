package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/explain/whatif"
	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/sandbox/cgroup"
)

// openShield starts a shield that belongs to a draft: so it has an ID, a
// directory, a lock and a control group, and if learnbox dies the next command
// finds what is left and removes it, as it does with containers.
func openShield(ctx context.Context, a *app, all *lifecycle.Containers, limits *specs.LinuxResources) (_ *whatif.Shield, done func() error, err error) {
	draft, err := all.New(ctx, "")
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, draft.Discard())
		}
	}()
	group, err := draft.Enclose(shieldLimits(limits))
	if err != nil {
		return nil, nil, err
	}
	h, err := cgroup.Detect()
	if err != nil {
		return nil, nil, err
	}
	s := whatif.Setup{Root: a.root, Place: filepath.Join(draft.Dir, "merged"), Marker: whatif.Marker}
	for i, dir := range group.Dirs() {
		s.Groups = append(s.Groups, whatif.Mapped{Source: dir, At: h.Trees[i].Dir})
	}
	stderr, _ := a.stderr.(*os.File)
	shield, err := whatif.Start(ctx, s, group, stderr)
	if err != nil {
		return nil, nil, err
	}
	return shield, func() error { return errors.Join(shield.Close(), draft.Discard()) }, nil
}

// shieldLimits are the device rules of the container, which hold for the shield
// too, and one more: for a device that no machine has. The container's limits
// are its own, and would be too narrow for learnbox.
func shieldLimits(of *specs.LinuxResources) *specs.LinuxResources {
	if of == nil || len(of.Devices) == 0 {
		return nil
	}
	major, minor := int64(whatif.DeviceMajor), int64(whatif.DeviceMinor)
	return &specs.LinuxResources{Devices: slices.Insert(slices.Clone(of.Devices), 1,
		specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: &major, Minor: &minor, Access: "rwm"})}
}
