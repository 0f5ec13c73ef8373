package spec

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// defaultShmSize is Docker's /dev/shm, in bytes.
const defaultShmSize = 64 << 20

// A request is a mount that the user asked for.
type request struct {
	flag  string // as typed, for errors
	mount specs.Mount
	// A source that -v names may be created, one that --mount names has to exist.
	create, mustExist bool
	volume            *Volume // whose directory is mounted; nil: it is none
}

// buildMounts lists the mounts in the order in which they are made: Docker's own
// first, then the files in /etc and the user's, those nearer to the root first, so
// that none hides another.
func buildMounts(in *Input, res *Result) error {
	requests, err := requestedMounts(in)
	if err != nil {
		return err
	}
	shmSize, err := shmSize(in.Options.ShmSize)
	if err != nil {
		return err
	}
	taken := map[string]bool{} // what the user mounts there replaces what we would
	for _, r := range requests {
		if taken[r.mount.Destination] {
			return fmt.Errorf("%s: something is already mounted at %s", r.flag, r.mount.Destination)
		}
		taken[r.mount.Destination] = true
	}
	requests = append(requests, inheritedMounts(in, taken)...)
	own := defaultMounts(in, shmSize)
	declared, err := declaredVolumes(in, res, own, taken)
	if err != nil {
		return err
	}
	requests = append(requests, declared...)
	for _, m := range own {
		if taken[m.Destination] || taken["/dev"] && strings.HasPrefix(m.Destination, "/dev/") {
			continue
		}
		res.Spec.Mounts = append(res.Spec.Mounts, m)
	}
	var ordered []specs.Mount
	for _, m := range sharedMounts(in) {
		if !taken[m.Destination] {
			ordered = append(ordered, m)
		}
	}
	for _, r := range requests {
		res.place(in, &r)
		ordered = append(ordered, r.mount)
		res.source(r)
	}
	slices.SortStableFunc(ordered, func(a, b specs.Mount) int {
		return cmp.Compare(strings.Count(a.Destination, "/"), strings.Count(b.Destination, "/"))
	})
	res.Spec.Mounts = append(res.Spec.Mounts, ordered...)
	res.Spec.Linux.RootfsPropagation = rootPropagation(requests)
	return nil
}

// requestedMounts reads --volume, --mount and --tmpfs. Docker takes the very same
// --volume twice.
func requestedMounts(in *Input) ([]request, error) {
	var all []request
	for i, v := range in.Options.Volumes {
		if slices.Contains(in.Options.Volumes[:i], v) || isDeclared(v) {
			continue
		}
		r, err := parseVolume(v, in.Dir)
		if err != nil {
			return nil, fmt.Errorf("--volume %q: %w", v, err)
		}
		r.flag = fmt.Sprintf("--volume %q", v)
		all = append(all, r)
	}
	for _, v := range in.Options.Mounts {
		r, err := parseMount(v, in.Dir)
		if err != nil {
			return nil, fmt.Errorf("--mount %q: %w", v, err)
		}
		r.flag = fmt.Sprintf("--mount %q", v)
		all = append(all, r)
	}
	for _, v := range in.Options.Tmpfs {
		m, err := parseTmpfs(v)
		if err != nil {
			return nil, fmt.Errorf("--tmpfs %q: %w", v, err)
		}
		all = append(all, request{flag: fmt.Sprintf("--tmpfs %q", v), mount: m})
	}
	return all, nil
}

// defaultMounts are Docker's. A privileged container may write to /sys and to its
// cgroups.
func defaultMounts(in *Input, shmSize int64) []specs.Mount {
	sys := []string{"nosuid", "noexec", "nodev"}
	cgroup := slices.Clone(sys)
	if !in.Options.Privileged {
		sys = append(sys, "ro")
		cgroup = append([]string{"ro"}, cgroup...)
	}
	mounts := []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
		{
			Destination: "/dev/pts", Type: "devpts", Source: "devpts",
			Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"},
		},
		{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: sys},
		{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: cgroup},
		{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Options: []string{"nosuid", "noexec", "nodev"}},
	}
	if in.Options.IPC != modeHost {
		mounts = append(mounts, specs.Mount{
			Destination: "/dev/shm", Type: "tmpfs", Source: "shm",
			Options: []string{"nosuid", "noexec", "nodev", "mode=1777", "size=" + strconv.FormatInt(shmSize, 10)},
		})
	}
	return mounts
}

// sharedMounts come from the host: the three files that every container has of its
// own, and /dev/shm for one in the host's IPC namespace.
func sharedMounts(in *Input) []specs.Mount {
	var mounts []specs.Mount
	for _, name := range []string{"resolv.conf", "hostname", "hosts"} {
		mounts = append(mounts, bind(path.Join(in.EtcDir, name), "/etc/"+name, bindOptions{readOnly: in.Options.ReadOnly}))
	}
	if in.Options.IPC == modeHost {
		mounts = append(mounts, bind("/dev/shm", "/dev/shm", bindOptions{}))
	}
	return mounts
}

// source notes what has to be on the host before the start.
func (r *Result) source(q request) {
	switch {
	case q.create:
		r.CreateDirs = append(r.CreateDirs, q.mount.Source)
	case q.mustExist:
		r.MustExist = append(r.MustExist, q.mount.Source)
	}
}

// bindOptions are what -v and --mount can say about a bind mount.
type bindOptions struct {
	readOnly    bool
	flat        bool   // without the mounts below the source
	noCopy      bool   // a volume is not filled from the image
	propagation string // "" is rprivate
}

// bind describes a bind mount in Docker's words. Submounts come along; what is mounted
// later on either side stays there, unless a propagation says otherwise
// (mount_namespaces(7)).
func bind(source, dest string, o bindOptions) specs.Mount {
	options := []string{"rbind"}
	if o.flat {
		options[0] = "bind"
	}
	if o.readOnly {
		options = append(options, "ro")
	}
	return specs.Mount{
		Destination: dest, Type: "bind", Source: source,
		Options: append(options, cmp.Or(o.propagation, "rprivate")),
	}
}

func isPropagation(word string) bool {
	switch word {
	case "private", "rprivate", "shared", "rshared", "slave", "rslave":
		return true
	}
	return false
}

// rootPropagation opens the container's root as far as its most open mount needs: a
// private root would cut the propagation of everything below it.
func rootPropagation(requests []request) string {
	root := ""
	for _, r := range requests {
		for _, o := range r.mount.Options {
			switch o {
			case "shared", "rshared":
				return "shared"
			case "slave", "rslave":
				root = "rslave"
			}
		}
	}
	return root
}

// shmSize reads --shm-size in Docker's units; nothing and 0 are 64 MiB.
func shmSize(s string) (int64, error) {
	if s == "" {
		return defaultShmSize, nil
	}
	size, err := parseSize(s)
	if err != nil {
		return 0, hinted("a size is a number of bytes, or with a unit, as in 64m or 1g", "--shm-size: %w", err)
	}
	return cmp.Or(size, defaultShmSize), nil
}

// parseSize reads bytes in binary units ("64m"). The library computes in floating point
// and says nothing when the result does not fit.
func parseSize(s string) (int64, error) {
	size, err := units.RAMInBytes(s)
	if err != nil || size < 0 || size == 1<<63-1 {
		return 0, fmt.Errorf("%q is not a size", s)
	}
	return size, nil
}
