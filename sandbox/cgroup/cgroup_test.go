package cgroup

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParse(t *testing.T) {
	const (
		tmpfs   = "31 23 0:28 / /sys/fs/cgroup ro,nosuid shared:8 - tmpfs tmpfs ro,mode=755\n"
		cpuacct = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
		devices = "33 31 0:30 / /sys/fs/cgroup/devices rw,nosuid shared:10 - cgroup cgroup rw,devices\n"
		named   = "34 31 0:31 / /sys/fs/cgroup/systemd rw shared:11 - cgroup cgroup rw,xattr,release_agent=/lib/systemd/agent,name=systemd\n"
		other   = "35 31 0:32 / /sys/fs/cgroup/mine rw - cgroup cgroup rw,name=mine\n"
		unified = "36 31 0:33 / /sys/fs/cgroup/unified rw shared:12 master:3 - cgroup2 cgroup2 rw,nsdelegate\n"
		pure    = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"
		again   = "90 23 0:30 /docker /mnt/again rw - cgroup cgroup rw,devices\n"
		nested  = "91 23 0:40 /docker/7f3c /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
		space   = `92 23 0:41 / /a\040b\134 rw - cgroup cgroup rw,freezer` + "\n"
	)
	treeCPU := Tree{Dir: "/sys/fs/cgroup/cpu,cpuacct", Controllers: []string{"cpu", "cpuacct"}, root: "/"}
	treeDevices := Tree{Dir: "/sys/fs/cgroup/devices", Controllers: []string{"devices"}, root: "/"}
	treeSystemd := Tree{Dir: "/sys/fs/cgroup/systemd", Controllers: []string{"name=systemd"}, root: "/"}
	for name, tt := range map[string]struct {
		mounts string
		want   Hierarchy
	}{
		"version 1":                     {tmpfs + cpuacct + devices + named, Hierarchy{Version: 1, Trees: []Tree{treeCPU, treeDevices, treeSystemd}}},
		"hybrid":                        {tmpfs + devices + named + unified, Hierarchy{Version: 1, Trees: []Tree{treeDevices, treeSystemd}, Unified: "/sys/fs/cgroup/unified"}},
		"version 2":                     {pure, Hierarchy{Version: 2, Trees: []Tree{{Dir: "/sys/fs/cgroup", root: "/"}}}},
		"systemd's tree makes no v1":    {tmpfs + named + unified, Hierarchy{Version: 2, Trees: []Tree{{Dir: "/sys/fs/cgroup/unified", root: "/"}}}},
		"a tree of somebody's own":      {devices + other, Hierarchy{Version: 1, Trees: []Tree{treeDevices}}},
		"a tree that is mounted twice":  {devices + again, Hierarchy{Version: 1, Trees: []Tree{treeDevices}}},
		"first a part, then all of it":  {again + devices, Hierarchy{Version: 1, Trees: []Tree{treeDevices}}},
		"inside a container":            {nested, Hierarchy{Version: 1, Trees: []Tree{{Dir: "/sys/fs/cgroup/pids", Controllers: []string{"pids"}, root: "/docker/7f3c"}}}},
		"a mount point with a space":    {space, Hierarchy{Version: 1, Trees: []Tree{{Dir: `/a b\`, Controllers: []string{"freezer"}, root: "/"}}}},
		"nothing mounted":               {tmpfs, Hierarchy{}},
		"lines that are cut off":        {"31 23 - cgroup\n" + "- \n" + "1 2 3 4 5 6\n", Hierarchy{}},
		"tmpfs options are no evidence": {"31 23 0:28 / /x rw - tmpfs cgroup rw,devices\n", Hierarchy{}},
	} {
		got, err := parse(strings.NewReader(tt.mounts))
		if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(Tree{}), cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

func TestMissing(t *testing.T) {
	one := Hierarchy{Version: 1, Trees: []Tree{{Dir: "/c", Controllers: []string{"cpu", "cpuacct"}}, {Dir: "/d", Controllers: []string{"devices"}}}}
	if got := strings.Join(one.Missing(), " "); got != "blkio cpuset freezer memory pids" {
		t.Errorf("v1: %s", got)
	}
	two := Hierarchy{Version: 2, Trees: []Tree{{Dir: "/c", Controllers: []string{"cpu", "io", "pids"}}}}
	if got := strings.Join(two.Missing(), " "); got != "cpuset memory" {
		t.Errorf("v2: %s", got)
	}
	if one.Dir("cpuacct") != "/c" || one.Dir("memory") != "" {
		t.Errorf("Dir: %q, %q", one.Dir("cpuacct"), one.Dir("memory"))
	}
}

func FuzzParse(f *testing.F) {
	f.Add("33 31 0:30 / /sys/fs/cgroup/devices rw,nosuid shared:10 - cgroup cgroup rw,devices\n")
	f.Add(`92 23 0:41 / /a\04 rw - cgroup cgroup rw,freezer`)
	f.Fuzz(func(t *testing.T, mounts string) {
		h, err := parse(strings.NewReader(mounts))
		if err == nil && h.Version != 0 && len(h.Trees) == 0 {
			t.Errorf("version %d without a tree", h.Version)
		}
	})
}
