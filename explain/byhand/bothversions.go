package byhand

import (
	"path"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/sandbox/cgroup"
)

// This file shows the limits of both versions side by side, for a reader and not for a script:
// a machine has one version, and a container few of the limits.

// BothVersions returns the lines of cgroup.limit or limits.pids, with an example of each limit
// that there is. in is a container without limits.
func BothVersions(in Input, step string) []string {
	v1, v2 := in.onVersion(1), in.onVersion(2)
	lines := comment("$group is the container's: learnbox-ID, or learnbox/learnbox-ID on version 2.")
	if step == "cgroup.limit" {
		lines = slices.Concat(lines,
			comment("Devices, on version 1:"), deviceLimit(&v1),
			comment("Devices, on version 2:"), deviceLimit(&v2),
			comment("Controllers, on version 2:"), passOn(&v2, settingsOf(v2, examples())),
		)
	}
	for _, e := range examples() {
		if (e.resources.Pids != nil) != (step == "limits.pids") {
			continue
		}
		lines = append(lines, comment(e.flags+", on version 1, then on version 2:")...)
		for _, s := range settingsOf(v1, []example{e}) {
			lines = append(lines, v1.write(s)...)
		}
		if e.onlyV1 {
			lines = append(lines, comment("version 2 has nothing like it")...)
			continue
		}
		for _, s := range settingsOf(v2, []example{e}) {
			lines = append(lines, v2.write(s)...)
		}
	}
	return lines
}

// onVersion is the container on a machine of that version: this one, or one where all is at its
// usual place.
func (in Input) onVersion(version int) Input {
	if in.CgroupVersion == version {
		return in
	}
	const mounted = "/sys/fs/cgroup"
	in.CgroupVersion, in.Trees = version, nil
	hierarchy := cgroup.Hierarchy{Version: version}
	if version == 2 {
		hierarchy.Common = "learnbox/"
		in.Trees = []Tree{{Dir: mounted, Controllers: []string{"cpu", "cpuset", "io", "memory", "pids"}}}
	} else {
		for _, c := range []string{"blkio", "cpu", "cpuset", "devices", "memory", "pids"} {
			in.Trees = append(in.Trees, Tree{Dir: path.Join(mounted, c), Controllers: []string{c}})
		}
	}
	spec, linux := *in.Built.Spec, *in.Built.Spec.Linux // copies: they are the caller's
	spec.Linux, linux.CgroupsPath = &linux, "/"+hierarchy.PathOf(in.ID)
	in.Built.Spec, in.CgroupCommon = &spec, hierarchy.Common
	return in
}

// An example is a limit with its flags of `learnbox run`.
type example struct {
	flags     string
	resources specs.LinuxResources
	onlyV1    bool
}

func examples() []example {
	disk := func(rate uint64) []specs.LinuxThrottleDevice {
		d := specs.LinuxThrottleDevice{Rate: rate}
		d.Major, d.Minor = 8, 0
		return []specs.LinuxThrottleDevice{d}
	}
	const mib = 1 << 20
	memory := func(m specs.LinuxMemory) specs.LinuxResources { return specs.LinuxResources{Memory: &m} }
	cpu := func(c specs.LinuxCPU) specs.LinuxResources { return specs.LinuxResources{CPU: &c} }
	io := func(b specs.LinuxBlockIO) specs.LinuxResources { return specs.LinuxResources{BlockIO: &b} }
	return []example{
		{flags: "-m 64m --memory-swap 128m", resources: memory(specs.LinuxMemory{Limit: new(int64(64 * mib)), Swap: new(int64(128 * mib))})},
		{flags: "--memory-reservation 32m", resources: memory(specs.LinuxMemory{Reservation: new(int64(32 * mib))})},
		{flags: "--oom-kill-disable", resources: memory(specs.LinuxMemory{DisableOOMKiller: new(true)}), onlyV1: true},
		{flags: "--cpu-shares 512", resources: cpu(specs.LinuxCPU{Shares: new(uint64(512))})},
		{flags: "--cpus 0.5", resources: cpu(specs.LinuxCPU{Period: new(uint64(100_000)), Quota: new(int64(50_000))})},
		{flags: "--cpuset-cpus 0 --cpuset-mems 0", resources: cpu(specs.LinuxCPU{Cpus: "0", Mems: "0"})},
		{flags: "--blkio-weight 300", resources: io(specs.LinuxBlockIO{Weight: new(uint16(300))})},
		{flags: "--device-read-bps /dev/sda:1mb", resources: io(specs.LinuxBlockIO{ThrottleReadBpsDevice: disk(mib)})},
		{flags: "--device-write-bps /dev/sda:1mb", resources: io(specs.LinuxBlockIO{ThrottleWriteBpsDevice: disk(mib)})},
		{flags: "--pids-limit 20", resources: specs.LinuxResources{Pids: &specs.LinuxPids{Limit: new(int64(20))}}},
	}
}

// settingsOf are what the examples write.
func settingsOf(in Input, all []example) []cgroup.Setting {
	var settings []cgroup.Setting
	for _, e := range all {
		settings = append(settings, cgroup.Hierarchy{Version: in.CgroupVersion}.Settings(&e.resources)...)
	}
	return settings
}
