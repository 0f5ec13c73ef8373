package main

import (
	"testing"

	"github.com/learnbox/learnbox/sandbox/cgroup"
)

func TestWhyAControllerIsMissing(t *testing.T) {
	const (
		without = "limits are discarded"
		head    = "#subsys_name\thierarchy\tnum_cgroups\tenabled\n"
		free    = head + "cpu\t2\t1\t1\ncpuacct\t2\t1\t1\nblkio\t0\t1\t1\nmemory\t0\t1\t1\n"
		bound   = head + "blkio\t5\t1\t1\nmemory\t4\t65\t1\n"
		off     = head + "memory\t0\t1\t0\n"
	)
	v1, hybrid, v2 := cgroup.Hierarchy{Version: 1}, cgroup.Hierarchy{Version: 1, Unified: "/unified"}, cgroup.Hierarchy{Version: 2}
	memory, blkio, cpuacct := controller{"memory", "memory", "", without}, controller{"blkio", "io", "", without}, controller{"cpuacct", "", "", without}
	for _, tt := range []struct {
		what     string
		c        controller
		h        cgroup.Hierarchy
		cgroups  string // /proc/cgroups
		handed   string // what version 2 hands down
		why, way string
	}{
		{"not mounted", memory, v1, free, "", without, "mkdir -p /sys/fs/cgroup/memory && mount -t cgroup -o memory none /sys/fs/cgroup/memory"},
		{"not mounted here", memory, v1, bound, "", without, "mkdir -p /sys/fs/cgroup/memory && mount -t cgroup -o memory none /sys/fs/cgroup/memory"},
		{"in a tree with another", cpuacct, v1, free, "", without, "mkdir -p /sys/fs/cgroup/cpu,cpuacct && mount -t cgroup -o cpu,cpuacct none /sys/fs/cgroup/cpu,cpuacct"},
		{"switched off", memory, v1, off, "", without, "boot with cgroup_enable=memory, or without cgroup_disable=memory"},
		{"not built", blkio, v1, off, "", without, "build the kernel with it: this one has none of that name"},
		{"free on a hybrid machine", memory, hybrid, free, "pids", without, "mkdir -p /sys/fs/cgroup/memory && mount -t cgroup -o memory none /sys/fs/cgroup/memory"},
		{"used by version 2", blkio, hybrid, free, "io memory", without + "; it is used by version 2, at /unified", "boot with cgroup_no_v1=all: then version 2 has all of them"},
		{
			"version 2, bound to 1", blkio, v2, bound, "", without + "; it is bound to version 1, as hierarchy 5 of /proc/cgroups",
			"remove the groups of its tree of version 1 and umount that everywhere, or boot with cgroup_no_v1=blkio",
		},
		{
			"version 2, not handed down", blkio, v2, free, "", without + "; the group above does not hand it down",
			"write +io into cgroup.subtree_control of the group above, where that can be seen",
		},
		{"version 2, switched off", memory, v2, off, "", without, "boot with cgroup_enable=memory, or without cgroup_disable=memory"},
		{"version 2, not built", blkio, v2, off, "", without, "build the kernel with it: this one has none of that name"},
	} {
		files := map[string]string{"/proc/cgroups": tt.cgroups, "/unified/cgroup.subtree_control": tt.handed + "\n"}
		why, way := tt.c.whyMissing(tt.h, func(path string) string { return files[path] })
		if why != tt.why || way != tt.way {
			t.Errorf("%s: %s\n\t%s\nwant %s\n\t%s", tt.what, why, way, tt.why, tt.way)
		}
	}
}
