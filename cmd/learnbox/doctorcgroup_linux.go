package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/sandbox/cgroup"
)

const aboutCgroups = "Control groups"

// examineCgroups makes a group, looks at it, and removes it.
func examineCgroups() []checkup {
	layout := checkup{About: aboutCgroups, Name: "layout", For: "finding and ending all of a container, and its limits", Required: true}
	h, err := cgroup.Detect()
	if err != nil {
		var h interface{ Hint() string }
		if errors.As(err, &h) {
			layout.Do = h.Hint()
		}
		return []checkup{judge(layout, err)}
	}
	layout.Answer, layout.Found = found, fmt.Sprintf("version %d, at %s", h.Version, filepath.Dir(h.Trees[0].Dir+"/x"))
	if h.Version == 1 {
		layout.Found = fmt.Sprintf("version 1, %d trees", len(h.Trees))
	}
	if h.Unified != "" {
		layout.Found += ", and version 2 at " + h.Unified + ", which is not used"
	}
	group, made := cgroup.Create(h, fmt.Sprintf("learnbox-doctor-%d", os.Getpid()))
	all := []checkup{layout, judge(checkup{
		About: aboutCgroups, Name: "a group", For: "every run", Required: true,
		Do: "mount them writable, and run learnbox as root outside of other containers",
	}, made)}
	all = append(all, examineDevices(h, group))
	all = append(all, examineControllers(h)...)
	all = append(all, examineSwap(h, group))
	if group != nil {
		if err := group.Remove(); err != nil {
			all[1] = judge(all[1], err)
		}
	}
	return all
}

// examineDevices has the group forbid all devices.
func examineDevices(h cgroup.Hierarchy, group *cgroup.Group) checkup {
	c := checkup{
		About: aboutCgroups, Name: "device rules", For: "keeping the machine's disks out of a container's reach", Required: true,
		Do: "mount the controller devices, or run without rules (--privileged)",
	}
	if h.Version == 2 {
		c.Do = "build the kernel with CONFIG_CGROUP_BPF, or run without rules (--privileged)"
	}
	if group == nil {
		c.Answer, c.Found, c.Do = unclear, "there is no group to try it with", "see above"
		return c
	}
	_, err := group.Limit(&specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}}})
	return judge(c, err)
}

func examineSwap(h cgroup.Hierarchy, group *cgroup.Group) checkup {
	c := checkup{About: aboutCgroups, Name: "swap", Answer: missing, For: "--memory-swap", Do: "boot with swapaccount=1"}
	file := "memory.memsw.limit_in_bytes"
	if h.Version == 2 {
		file = "memory.swap.max"
	}
	switch {
	case h.Dir("memory") == "":
		c.Found, c.Do = "there is no controller memory", "see there"
	case group != nil && group.Has(file):
		c.Answer, c.Found, c.Do = found, file, ""
	case group == nil || !group.Has("memory.stat"): // on version 2, a group that has the controller has the file
		c.Answer, c.Found, c.Do = unclear, "no group has the controller memory yet", "ask again after a run with --memory"
	}
	return c
}
