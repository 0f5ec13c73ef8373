package spec

import (
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func namespaces(s *specs.Spec) string {
	var all []string
	for _, ns := range s.Linux.Namespaces {
		all = append(all, string(ns.Type)+ns.Path)
	}
	return strings.Join(all, " ")
}

func TestNamespaces(t *testing.T) {
	for what, c := range map[string]struct {
		cgroup  int
		options Options
		want    string
	}{
		"cgroup v1":              {1, Options{}, "mount uts ipc network pid"},
		"cgroup v2":              {2, Options{}, "mount uts ipc network pid cgroup"},
		"--network none":         {1, Options{Network: "none"}, "mount uts ipc network pid"},
		"--network host":         {1, Options{Network: "host"}, "mount uts ipc pid"},
		"--pid host":             {1, Options{PID: "host"}, "mount uts ipc network"},
		"--ipc host":             {1, Options{IPC: "host"}, "mount uts network pid"},
		"--ipc private":          {1, Options{IPC: "private"}, "mount uts ipc network pid"},
		"--uts host":             {1, Options{UTS: "host"}, "mount ipc network pid"},
		"all the host's":         {2, Options{Network: "host", PID: "host", IPC: "host", UTS: "host"}, "mount cgroup"},
		"privileged has its own": {2, Options{Privileged: true}, "mount uts ipc network pid cgroup"},
	} {
		s := must(t, func(in *Input) { in.Host.CgroupVersion, in.Options = c.cgroup, c.options }).Spec
		if got := namespaces(s); got != c.want {
			t.Errorf("%s: namespaces %s, want %s", what, got, c.want)
		}
	}
}

func TestUnknownModesNameWhatIsOffered(t *testing.T) {
	for _, mode := range []string{"bridge", "Host", "container:x", "container:", "host ", "none, host", "default"} {
		for flag, o := range map[string]Options{
			"--network": {Network: mode}, "--pid": {PID: mode}, "--ipc": {IPC: mode}, "--uts": {UTS: mode},
		} {
			_, err := with(func(in *Input) { in.Options = o })
			refused(t, flag+" "+mode, err, flag+" "+mode)
			if !strings.Contains(hint(err), "host") {
				t.Errorf("%s %s: hint %q", flag, mode, hint(err))
			}
			if strings.HasPrefix(mode, "container:") {
				refused(t, flag+" "+mode, err, "another container")
			}
		}
	}
}

func TestHostname(t *testing.T) {
	for what, c := range map[string]struct {
		options         Options
		inside, written string
	}{
		"from the ID":         {Options{}, "7f3c0a1b2c3d", "7f3c0a1b2c3d"},
		"-h":                  {Options{Hostname: "box"}, "box", "box"},
		"--network host":      {Options{Network: "host"}, "laptop", "laptop"},
		"--network host, -h":  {Options{Network: "host", Hostname: "box"}, "box", "box"},
		"--uts host":          {Options{UTS: "host"}, "laptop", ""},
		"the longest":         {Options{Hostname: strings.Repeat("a", 64)}, strings.Repeat("a", 64), strings.Repeat("a", 64)},
		"with --pid host too": {Options{PID: "host", Hostname: "box"}, "box", "box"},
	} {
		res := must(t, func(in *Input) { in.Options = c.options })
		if res.Hostname != c.inside || res.Spec.Hostname != c.written {
			t.Errorf("%s: name %q, in config.json %q, want %q and %q", what, res.Hostname, res.Spec.Hostname, c.inside, c.written)
		}
		if want := "HOSTNAME=" + c.inside; !slices.Contains(res.Spec.Process.Env, want) {
			t.Errorf("%s: environment %q, want %s", what, res.Spec.Process.Env, want)
		}
		if want := c.inside + "\n"; res.Etc.Hostname != want {
			t.Errorf("%s: /etc/hostname %q, want %q", what, res.Etc.Hostname, want)
		}
	}
	for name, want := range map[string]string{
		strings.Repeat("a", 65): "the kernel allows 64", "a b": "a blank", "a\nb": "a blank", "a\x00": "control character", "a\u2028b": "a blank",
	} {
		_, err := with(func(in *Input) { in.Options.Hostname = name })
		refused(t, "-h "+name, err, want)
	}
	_, err := with(func(in *Input) { in.Options.Hostname, in.Options.UTS = "box", "host" })
	refused(t, "-h and --uts host", err, "--uts host")
}

func TestInputIsChecked(t *testing.T) {
	for what, change := range map[string]func(*Input){
		"no ID":        func(in *Input) { in.ID = "" },
		"short ID":     func(in *Input) { in.ID = "7f3c" },
		"ID of a path": func(in *Input) { in.ID = "../" + in.ID[3:] },
		"upper case":   func(in *Input) { in.ID = strings.ToUpper(in.ID) },
		"EtcDir":       func(in *Input) { in.EtcDir = "etc" },
		"Dir":          func(in *Input) { in.Dir = "" },
		"cgroup 3":     func(in *Input) { in.Host.CgroupVersion = 3 },
	} {
		_, err := with(change)
		refused(t, what, err, "build config.json:")
	}
}
