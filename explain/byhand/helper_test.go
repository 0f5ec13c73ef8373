package byhand

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/sandbox/spec"
)

const (
	testID = "7f3c0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7"
	etcDir = "/var/lib/learnbox/containers/" + testID + "/etc"
)

// The order of package sandbox, which this package may not import. A test of
// cmd/learnbox compares the real table.
const tableOfSteps = `cgroup.create init.clone cgroup.limit init.plan container.save init.go
ns.uts ns.ipc ns.net net.loopback ns.cgroup ns.mount
mount.private rootfs.overlay rootfs.proc rootfs.dev rootfs.devpts rootfs.sys rootfs.cgroup rootfs.mqueue rootfs.shm
rootfs.volumes rootfs.etc tty.open rootfs.pivot host.sysctl rootfs.mask process.cwd rootfs.readonly
host.name limits.rlimits limits.oom tty.session init.wait caps.bound user.set privs.no_new limits.pids seccomp.load caps.set process.exec`

func allSteps() []narrate.Step {
	var all []narrate.Step
	for id := range strings.FieldsSeq(tableOfSteps) {
		all = append(all, narrate.Step{ID: id, Title: "title of " + id, Why: "why " + id + " stands here"})
	}
	return all
}

// plain is a run without a flag on a machine with cgroup v1.
func plain() spec.Input {
	return spec.Input{
		ID: testID,
		Image: v1.ImageConfig{
			Env: []string{"PATH=/usr/bin:/bin"},
			Cmd: []string{"/bin/sh"},
		},
		Host: spec.Host{
			CgroupVersion: 1,
			Capabilities:  []string{"CAP_CHOWN", "CAP_NET_ADMIN", "CAP_SETUID", "CAP_SYS_CHROOT"},
			Hostname:      "laptop",
			Hosts:         "127.0.0.1 localhost\n",
			ResolvConf:    "nameserver 10.0.0.53\n",
			HasSysctl:     func(string) bool { return true },
		},
		Dir: "/home/learner", EtcDir: etcDir,
		Passwd: noFile, Group: noFile,
		Volume: func(name string) (full, source string) {
			if name == "" {
				name = "0fe1"
			}
			return name, "/var/lib/learnbox/volumes/" + name + "/_data"
		},
		Device: func(path string) ([]specs.LinuxDevice, error) {
			mode, gid := os.FileMode(0o660), uint32(6)
			return []specs.LinuxDevice{
				{Path: path + "/fuse", Type: "c", Major: 10, Minor: 229},
				{Path: path + "/it's a disk", Type: "b", Major: 8, Minor: 0, FileMode: &mode, GID: &gid},
				{Path: path + "/pipe", Type: "p"},
			}, nil
		},
	}
}

func noFile() (io.ReadCloser, error) { return nil, fs.ErrNotExist }

// everything asks for each step, on cgroup v2, with words that are hard to quote.
func everything(in *spec.Input) {
	in.Host.CgroupVersion = 2
	in.Host.ThermalThrottle = []string{"/sys/devices/system/cpu/cpu0/thermal_throttle"}
	in.Options = spec.Options{
		Command:     []string{"sh", "-c", "echo 'it''s' \"$HOME\" `id` \\\nPLAN\nINIT\n", "", "-x", "*"},
		Interactive: true, TTY: true, Init: true, ReadOnly: true,
		Env:     []string{"GREETING=hello 'world'", "TWO=lines\nPLAN\n", "odd.name=1", "PWD=/nowhere"},
		Workdir: "/srv/my app", User: "1000:2000", Hostname: "box", GroupAdd: []string{"44"},
		Volumes: []string{"/my data:/srv/deep/data:ro,rslave", "./src:/app"},
		Mounts:  []string{"type=bind,source=/etc/ssl,target=/ssl,bind-nonrecursive,readonly", "type=tmpfs,dst=/cache,tmpfs-size=1m,tmpfs-mode=1770"},
		Tmpfs:   []string{"/run:exec,size=64k"},
		Devices: []string{"/dev/dir:/dev/extra"},
		AddHost: []string{"db:10.0.0.5"},
		CapAdd:  []string{"NET_ADMIN"}, CapDrop: []string{"CHOWN"},
		SecurityOpt: []string{"no-new-privileges"},
		Ulimits:     []string{"nofile=1024:2048", "core=-1"},
		Sysctls:     []string{"kernel.msgmax=9000"},
		Limits: spec.Limits{
			Memory: "64m", CPUShares: "512", CPUQuota: "50000", BlkioWeight: "300", PidsLimit: "40", OOMScoreAdj: "100", CgroupParent: "my course/a",
		},
	}
}

// limited is a container with limits, on cgroup v1.
func limited(in *spec.Input) {
	in.Options.Limits = spec.Limits{
		Memory: "64m", MemorySwap: "-1", CPUShares: "512", CPUQuota: "50000", BlkioWeight: "300", PidsLimit: "20", CgroupParent: "/course/a",
	}
}

// shared is a container with as little of its own as there can be.
func shared(in *spec.Input) {
	in.Options = spec.Options{
		Network: "host", PID: "host", IPC: "host", UTS: "host",
		SecurityOpt: []string{"seccomp=unconfined", "systempaths=unconfined"}, CapDrop: []string{"ALL"},
	}
}

// build makes the input of a script.
func build(t *testing.T, change func(*spec.Input)) Input {
	t.Helper()
	of := plain()
	change(&of)
	built, err := spec.Build(of)
	if err != nil {
		t.Fatal(err)
	}
	in := Input{
		Steps: allSteps(), Command: fmt.Sprintf("learnbox run --rm tiny %s", quoteAll(of.Options.Command)),
		ID: testID, Built: built, EtcDir: etcDir, Lower: "/var/lib/learnbox/rootfs/606aea22",
		Interactive: of.Options.Interactive, CgroupVersion: of.Host.CgroupVersion,
		Trees: []Tree{
			{Dir: "/sys/fs/cgroup/cpu,cpuacct", Controllers: []string{"cpu", "cpuacct"}},
			{Dir: "/sys/fs/cgroup/cpuset", Controllers: []string{"cpuset"}},
			{Dir: "/sys/fs/cgroup/devices", Controllers: []string{"devices"}},
			{Dir: "/sys/fs/cgroup/memory", Controllers: []string{"memory"}},
			{Dir: "/sys/fs/cgroup/blkio", Controllers: []string{"blkio"}},
			{Dir: "/sys/fs/cgroup/systemd", Controllers: []string{"name=systemd"}},
		},
	}
	if in.CgroupVersion == 2 {
		in.Trees = []Tree{{Dir: "/sys/fs/cgroup", Controllers: []string{"cpu", "cpuset", "io", "memory", "pids"}}}
	}
	return in
}
