package spec

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// words is how the tables below write a mount: type, source, options.
func words(m specs.Mount) string {
	return m.Type + " " + m.Source + " " + strings.Join(m.Options, ",")
}

// The wanted words are out of the config.json that dockerd 20.10 hands to runc.
func TestDefaultMountsAreDockers(t *testing.T) {
	etc := "bind /var/lib/learnbox/containers/" + testID + "/etc/"
	want := map[string]string{
		"/proc":            "proc proc nosuid,noexec,nodev",
		"/dev":             "tmpfs tmpfs nosuid,strictatime,mode=755,size=65536k",
		"/dev/pts":         "devpts devpts nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5",
		"/sys":             "sysfs sysfs nosuid,noexec,nodev,ro",
		"/sys/fs/cgroup":   "cgroup cgroup ro,nosuid,noexec,nodev",
		"/dev/mqueue":      "mqueue mqueue nosuid,noexec,nodev",
		"/dev/shm":         "tmpfs shm nosuid,noexec,nodev,mode=1777,size=67108864",
		"/etc/resolv.conf": etc + "resolv.conf rbind,rprivate",
		"/etc/hostname":    etc + "hostname rbind,rprivate",
		"/etc/hosts":       etc + "hosts rbind,rprivate",
	}
	order := []string{
		"/proc", "/dev", "/dev/pts", "/sys", "/sys/fs/cgroup", "/dev/mqueue", "/dev/shm",
		"/etc/resolv.conf", "/etc/hostname", "/etc/hosts",
	}
	check := func(what string, change func(*Options), changed map[string]string) {
		t.Helper()
		res := must(t, func(in *Input) { change(&in.Options) })
		if diff := cmp.Diff(order, destinations(res.Spec)); diff != "" {
			t.Errorf("%s: order (- wanted, + got):\n%s", what, diff)
		}
		for dest, w := range want {
			if c, ok := changed[dest]; ok {
				w = c
			}
			if got := words(mountAt(t, res.Spec, dest)); got != w {
				t.Errorf("%s: %s is %s, want %s", what, dest, got, w)
			}
		}
	}
	check("plain", func(*Options) {}, nil)
	check("--privileged", func(o *Options) { o.Privileged = true }, map[string]string{
		"/sys": "sysfs sysfs nosuid,noexec,nodev", "/sys/fs/cgroup": "cgroup cgroup nosuid,noexec,nodev",
	})
	check("--read-only", func(o *Options) { o.ReadOnly = true }, map[string]string{
		"/etc/resolv.conf": etc + "resolv.conf rbind,ro,rprivate", "/etc/hostname": etc + "hostname rbind,ro,rprivate",
		"/etc/hosts": etc + "hosts rbind,ro,rprivate",
	})
	check("--shm-size", func(o *Options) { o.ShmSize = "1g" }, map[string]string{
		"/dev/shm": "tmpfs shm nosuid,noexec,nodev,mode=1777,size=1073741824",
	})
	check("--shm-size 0", func(o *Options) { o.ShmSize = "0" }, nil)
}

func TestReadOnlyRoot(t *testing.T) {
	if must(t, func(*Input) {}).Spec.Root.Readonly {
		t.Error("the root is read-only without being asked")
	}
	res := must(t, func(in *Input) { in.Options.ReadOnly, in.Options.Volumes = true, []string{"/a:/a"} })
	if !res.Spec.Root.Readonly {
		t.Error("--read-only: the root is not")
	}
	if got := words(mountAt(t, res.Spec, "/a")); got != "bind /a rbind,rprivate" {
		t.Errorf("--read-only: a volume is %s, want it writable", got)
	}
}

func TestIPCHostSharesShm(t *testing.T) {
	res := must(t, func(in *Input) { in.Options.IPC = "host" })
	if got, want := words(mountAt(t, res.Spec, "/dev/shm")), "bind /dev/shm rbind,rprivate"; got != want {
		t.Errorf("/dev/shm is %s, want %s", got, want)
	}
	res = must(t, func(in *Input) { in.Options.IPC, in.Options.Tmpfs = "host", []string{"/dev/shm"} })
	if got := mountAt(t, res.Spec, "/dev/shm").Type; got != "tmpfs" {
		t.Errorf("with --tmpfs /dev/shm it is a %s", got)
	}
}

func TestMountsAreSortedByDepth(t *testing.T) {
	res := must(t, func(in *Input) {
		in.Options.Volumes = []string{"/s:/x/y/z", "/s:/data", "/s:/etc"}
		in.Options.Mounts = []string{"type=bind,src=/s,dst=/x/y"}
		in.Options.Tmpfs = []string{"/x", "/etc/hosts/../conf.d"}
	})
	want := []string{
		"/proc", "/dev", "/dev/pts", "/sys", "/sys/fs/cgroup", "/dev/mqueue", "/dev/shm",
		"/data", "/etc", "/x",
		"/etc/resolv.conf", "/etc/hostname", "/etc/hosts", "/x/y", "/etc/conf.d",
		"/x/y/z",
	}
	if diff := cmp.Diff(want, destinations(res.Spec)); diff != "" {
		t.Errorf("(- wanted, + got):\n%s", diff)
	}
}

func TestUserMountsReplaceOurs(t *testing.T) {
	for what, c := range map[string]struct {
		volume string
		gone   []string // destinations of ours that are not there any more
	}{
		"a default":      {"/s:/dev/shm", nil},
		"a file in /etc": {"/s:/etc/hosts", nil},
		"all of /dev":    {"/s:/dev", []string{"/dev/pts", "/dev/mqueue", "/dev/shm"}},
	} {
		res := must(t, func(in *Input) { in.Options.Volumes = []string{c.volume} })
		all := destinations(res.Spec)
		_, dest, _ := strings.Cut(c.volume, ":")
		if m := mountAt(t, res.Spec, dest); m.Source != "/s" {
			t.Errorf("%s: %s is still ours: %+v", what, dest, m)
		}
		if len(all) != 10-len(c.gone) {
			t.Errorf("%s: mounts %q", what, all)
		}
		for _, g := range c.gone {
			if slices.Contains(all, g) {
				t.Errorf("%s: %s is still there", what, g)
			}
		}
	}
}

func TestDuplicateDestinations(t *testing.T) {
	for what, o := range map[string]Options{
		"-v and -v":           {Volumes: []string{"/a:/x", "/b:/x/"}},
		"-v and --tmpfs":      {Volumes: []string{"/a:/x"}, Tmpfs: []string{"/x"}},
		"-v and --mount":      {Volumes: []string{"/a:/x"}, Mounts: []string{"type=tmpfs,dst=/y/../x"}},
		"--mount and --mount": {Mounts: []string{"type=tmpfs,dst=/x", "type=tmpfs,dst=/x"}},
		"--tmpfs and --tmpfs": {Tmpfs: []string{"/x", "/x:size=1m"}},
	} {
		_, err := with(func(in *Input) { in.Options = o })
		refused(t, what, err, "something is already mounted at /x")
	}
	res := must(t, func(in *Input) { in.Options.Volumes = []string{"/a:/x", "/a:/x"} })
	if got := destinations(res.Spec); len(got) != 11 {
		t.Errorf("the same -v twice: mounts %q", got)
	}
}

func TestSourcesOnTheHost(t *testing.T) {
	res := must(t, func(in *Input) {
		in.Options.Volumes = []string{"/a/../b:/x", "./rel:/y"}
		in.Options.Mounts = []string{"type=bind,src=/m,dst=/z", "type=tmpfs,dst=/t"}
		in.Options.Tmpfs = []string{"/u"}
	})
	if want := []string{"/b", "/home/learner/rel"}; !slices.Equal(res.CreateDirs, want) {
		t.Errorf("CreateDirs %q, want %q", res.CreateDirs, want)
	}
	if want := []string{"/m"}; !slices.Equal(res.MustExist, want) {
		t.Errorf("MustExist %q, want %q", res.MustExist, want)
	}
}

func TestRootPropagation(t *testing.T) {
	for want, volumes := range map[string][]string{
		"":       {"/a:/a", "/b:/b:rprivate"},
		"rslave": {"/a:/a", "/b:/b:slave"},
		"shared": {"/a:/a:rslave", "/b:/b:rshared", "/c:/c:slave"},
	} {
		if got := must(t, func(in *Input) { in.Options.Volumes = volumes }).Spec.Linux.RootfsPropagation; got != want {
			t.Errorf("%q: propagation of the root %q, want %q", volumes, got, want)
		}
	}
}

func TestShmSize(t *testing.T) {
	for _, size := range []string{"-1", "x", "1x", "1e400", "99999999999p", "9223372036854775807", "64 mm"} {
		_, err := with(func(in *Input) { in.Options.ShmSize = size })
		refused(t, size, err, "--shm-size")
	}
}
