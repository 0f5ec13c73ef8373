package main

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/sandbox/spec"
)

// hostConfig is said by the flags as they were typed, and by the config.json as it
// ran where that says more: paths in full, sizes in bytes.
func (d described) hostConfig() hostConfig {
	f, linux := d.flags, d.linux()
	h := hostConfig{
		Binds: d.binds(), ContainerIDFile: "", LogConfig: logConfig{"json-file", map[string]string{}},
		VolumesFrom: f.VolumesFrom,
		NetworkMode: firstOf(f.Network, "none"), PortBindings: map[string]json.RawMessage{},
		RestartPolicy: restartPolicy{firstOf(d.Restart.Name, lifecycle.RestartNo), d.Restart.MaximumRetryCount}, AutoRemove: d.AutoRemove,
		CapAdd: capabilityNames(f.CapAdd), CapDrop: capabilityNames(f.CapDrop),
		CgroupnsMode: d.mode(specs.CgroupNamespace, "host"),
		Dns:          list(f.DNS), DnsOptions: []string{}, DnsSearch: list(f.DNSSearch),
		ExtraHosts: f.AddHost, GroupAdd: f.GroupAdd,
		IpcMode: d.mode(specs.IPCNamespace, "host"), PidMode: f.PID, UTSMode: f.UTS,
		Privileged: f.Privileged, ReadonlyRootfs: d.spec.Root != nil && d.spec.Root.Readonly,
		SecurityOpt: f.SecurityOpt, Tmpfs: pairs(f.Tmpfs, ":"), ShmSize: d.shmSize(), Sysctls: pairs(f.Sysctl, "="),
		Runtime:     "learnbox",
		MaskedPaths: linux.MaskedPaths, ReadonlyPaths: linux.ReadonlyPaths,
		resourceLimits: d.limits(),
	}
	if p := d.spec.Process; p != nil {
		h.OomScoreAdj = value(p.OOMScoreAdj)
	}
	if d.Init {
		h.Init = &d.Init
	}
	return h
}

func (d described) linux() specs.Linux {
	if d.spec.Linux == nil {
		return specs.Linux{}
	}
	return *d.spec.Linux
}

// mode is Docker's word for a namespace: private, or else shared.
func (d described) mode(kind specs.LinuxNamespaceType, shared string) string {
	if slices.ContainsFunc(d.linux().Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == kind }) {
		return "private"
	}
	return shared
}

// capabilityNames are in Docker's form: CAP_NET_ADMIN for net_admin.
func capabilityNames(typed []string) []string {
	var names []string
	for _, n := range typed {
		if n = strings.ToUpper(n); n != "ALL" {
			n = "CAP_" + strings.TrimPrefix(n, "CAP_")
		}
		names = append(names, n)
	}
	return names
}

// list is never null in JSON.
func list(words []string) []string { return append([]string{}, words...) }

// pairs takes each word apart; without any it is nothing.
func pairs(words []string, sep string) map[string]string {
	var m map[string]string
	for _, w := range words {
		if m == nil {
			m = map[string]string{}
		}
		key, value, _ := strings.Cut(w, sep)
		m[key] = value
	}
	return m
}

// shmSize is the one that /dev/shm was mounted with.
func (d described) shmSize() int64 {
	for _, m := range d.spec.Mounts {
		for _, o := range m.Options {
			if size, ok := strings.CutPrefix(o, "size="); ok && m.Destination == "/dev/shm" {
				n, _ := strconv.ParseInt(size, 10, 64)
				return n
			}
		}
	}
	return 0
}

func (d described) limits() resourceLimits {
	none := []json.RawMessage{}
	l := resourceLimits{Devices: []deviceMapping{}, blkioLimits: blkioLimits{none, none, none, none, none}}
	l.CgroupParent = d.flags.CgroupParent
	for _, w := range d.flags.Device {
		part := append(strings.SplitN(w, ":", 3), "", "")
		m := deviceMapping{part[0], firstOf(part[1], part[0]), firstOf(part[2], "rwm")}
		if strings.Trim(part[1], "rwm") == "" && part[1] != "" {
			m.PathInContainer, m.CgroupPermissions = part[0], part[1]
		}
		l.Devices = append(l.Devices, m)
	}
	if p := d.spec.Process; p != nil {
		for _, r := range p.Rlimits {
			l.Ulimits = append(l.Ulimits, ulimit{strings.ToLower(strings.TrimPrefix(r.Type, "RLIMIT_")), r.Hard, r.Soft})
		}
	}
	r := d.linux().Resources
	if r == nil {
		return l
	}
	if m := r.Memory; m != nil {
		l.Memory, l.MemoryReservation, l.MemorySwap = value(m.Limit), value(m.Reservation), value(m.Swap)
		l.MemorySwappiness, l.OomKillDisable = m.Swappiness, value(m.DisableOOMKiller)
	}
	if c := r.CPU; c != nil {
		l.CpuShares, l.CpuPeriod, l.CpuQuota, l.CpusetCpus, l.CpusetMems = value(c.Shares), value(c.Period), value(c.Quota), c.Cpus, c.Mems
		if spec.ByCPUs(c, d.flags.limits()) && l.CpuQuota > 0 { // Docker shows one or the other
			l.NanoCpus, l.CpuPeriod, l.CpuQuota = l.CpuQuota*1e9/int64(l.CpuPeriod), 0, 0
		}
	}
	if b := r.BlockIO; b != nil {
		l.BlkioWeight = value(b.Weight)
	}
	if r.Pids != nil {
		l.PidsLimit = r.Pids.Limit
	}
	return l
}

// value is what p points to, or zero.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// config is the image's, with what the user said instead.
func (d described) config() imageConfig {
	f, c := d.flags, *d.image
	c.Image, c.Labels, c.StopSignal = d.Image, d.Labels, firstOf(f.StopSignal, c.StopSignal)
	if c.Labels == nil {
		c.Labels = map[string]string{}
	}
	c.User, c.WorkingDir = firstOf(f.User, c.User), firstOf(f.Workdir, c.WorkingDir)
	c.Tty, c.OpenStdin, c.StdinOnce = f.TTY, d.OpenStdin, d.OpenStdin && !d.Detached
	c.Hostname = firstOf(d.spec.Hostname, f.Hostname)
	c.OnBuild, c.Volumes = nil, d.declaredVolumes()
	if d.Health != nil {
		check := *d.Health
		check.Shell = nil // it has a key of its own
		c.Healthcheck, _ = json.Marshal(check)
	}
	if f.Entrypoint != nil {
		c.Entrypoint = nil
		if *f.Entrypoint != "" {
			c.Entrypoint = []string{*f.Entrypoint}
		}
	}
	c.Cmd = d.Args[min(len(c.Entrypoint), len(d.Args)):]
	if p := d.spec.Process; p != nil {
		c.Tty = p.Terminal
		c.Env = slices.DeleteFunc(list(p.Env), d.addedByRuntime)
	}
	c.AttachStdout, c.AttachStderr, c.AttachStdin = !d.Detached, !d.Detached, d.OpenStdin && !d.Detached
	return c
}

// addedByRuntime reports whether neither the image nor the user named the variable.
func (d described) addedByRuntime(variable string) bool {
	name, _, _ := strings.Cut(variable, "=")
	if !slices.Contains([]string{"PATH", "HOSTNAME", "TERM", "HOME"}, name) {
		return false
	}
	return !slices.ContainsFunc(append(list(d.image.Env), d.flags.Env...), func(e string) bool {
		return e == name || strings.HasPrefix(e, name+"=")
	})
}
