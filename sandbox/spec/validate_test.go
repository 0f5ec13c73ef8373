package spec

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func TestReadTakesWhatBuildMakes(t *testing.T) {
	want := must(t, everything).Spec
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if !sameJSON(t, want, got) {
		t.Error("Read returns something else than was written")
	}
}

func TestReadPassesOverUnknownProperties(t *testing.T) {
	s, err := Read(strings.NewReader(`{"ociVersion":"1.9.0","from":{"the":"future"},"hostname":"h"}` + "\n \t"))
	if err != nil || s.Version != "1.9.0" || s.Hostname != "h" {
		t.Errorf("Read = %+v, %v", s, err)
	}
}

func TestReadRefuses(t *testing.T) {
	for what, c := range map[string]struct{ text, want string }{
		"nothing":              {"", "end of JSON"},
		"null":                 {"null", "it is null"},
		"an array":             {"[]", "cannot unmarshal array"},
		"half of it":           {`{"ociVersion":"1.0.0"`, "end of JSON"},
		"more behind it":       {`{} {}`, "byte 4"},
		"uid as text":          {`{"process":{"user":{"uid":"0"}}}`, "cannot unmarshal string"},
		"uid past 32 bits":     {`{"process":{"user":{"uid":4294967296}}}`, "cannot unmarshal number"},
		"negative gid":         {`{"process":{"user":{"gid":-1}}}`, "cannot unmarshal number"},
		"fraction":             {`{"process":{"user":{"uid":0.5}}}`, "cannot unmarshal number"},
		"larger than the cap":  {`{"hostname":"` + strings.Repeat("x", MaxSize) + `"}`, "larger than 4194304 bytes"},
		"deeper than the tree": {`{"a":` + strings.Repeat("[", 100000), "max depth"},
	} {
		_, err := Read(strings.NewReader(c.text))
		refused(t, what, err, c.want)
	}
}

func TestValidate(t *testing.T) {
	i32 := func(n int) *int { return &n }
	for what, c := range map[string]struct {
		change func(s *specs.Spec)
		want   string
	}{
		"no version":         {func(s *specs.Spec) { s.Version = "" }, "ociVersion"},
		"version 2":          {func(s *specs.Spec) { s.Version = "2.0.0" }, "ociVersion"},
		"no root":            {func(s *specs.Spec) { s.Root = nil }, "root.path: missing"},
		"root without path":  {func(s *specs.Spec) { s.Root.Path = "" }, "root.path: missing"},
		"no process":         {func(s *specs.Spec) { s.Process = nil }, "process: missing"},
		"no cwd":             {func(s *specs.Spec) { s.Process.Cwd = "" }, "process.cwd"},
		"relative cwd":       {func(s *specs.Spec) { s.Process.Cwd = "a" }, "process.cwd"},
		"no args":            {func(s *specs.Spec) { s.Process.Args = nil }, "process.args: no command"},
		"empty args":         {func(s *specs.Spec) { s.Process.Args = []string{""} }, "process.args: no command"},
		"NUL in args":        {func(s *specs.Spec) { s.Process.Args = []string{"a\x00"} }, "process.args"},
		"NUL in env":         {func(s *specs.Spec) { s.Process.Env = []string{"a=\x00"} }, "process.env"},
		"uid past 31 bits":   {func(s *specs.Spec) { s.Process.User.UID = 1 << 31 }, "process.user"},
		"gid past 31 bits":   {func(s *specs.Spec) { s.Process.User.GID = 1<<32 - 1 }, "process.user"},
		"group past 31 bits": {func(s *specs.Spec) { s.Process.User.AdditionalGids = []uint32{1 << 31} }, "process.user"},
		"unknown rlimit":     {func(s *specs.Spec) { s.Process.Rlimits = []specs.POSIXRlimit{{Type: "NOFILE"}} }, `unknown type "NOFILE"`},
		"rlimit twice": {func(s *specs.Spec) {
			s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_CPU"}, {Type: "RLIMIT_CPU"}}
		}, "twice"},
		"rlimit soft above hard": {func(s *specs.Spec) { s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_CPU", Soft: 2, Hard: 1}} }, "soft limit 2"},
		"relative mount":         {func(s *specs.Spec) { s.Mounts[1].Destination = "dev" }, "mounts[1].destination"},
		"NUL in a mount":         {func(s *specs.Spec) { s.Mounts[0].Options = []string{"a\x00"} }, "mounts[0]"},
		"relative hook":          {func(s *specs.Spec) { s.Hooks = &specs.Hooks{Poststop: []specs.Hook{{Path: "x"}}} }, "hooks: path"},
		"hook without time": {func(s *specs.Spec) {
			s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/x", Timeout: i32(0)}}}
		}, "hooks: timeout"},
		"annotation":            {func(s *specs.Spec) { s.Annotations = map[string]string{"": "x"} }, "annotations"},
		"no linux":              {func(s *specs.Spec) { s.Linux, s.Hostname = nil, "" }, "linux: missing"},
		"unknown namespace":     {func(s *specs.Spec) { s.Linux.Namespaces[1].Type = "uts2" }, `unknown type "uts2"`},
		"namespace twice":       {func(s *specs.Spec) { s.Linux.Namespaces = append(s.Linux.Namespaces, s.Linux.Namespaces[0]) }, "mount twice"},
		"no mount namespace":    {func(s *specs.Spec) { s.Linux.Namespaces = s.Linux.Namespaces[1:] }, "no mount namespace"},
		"relative namespace":    {func(s *specs.Spec) { s.Linux.Namespaces[3].Path = "proc/1/ns/net" }, "path of network"},
		"mapping nothing":       {func(s *specs.Spec) { s.Linux.UIDMappings = []specs.LinuxIDMapping{{Size: 1}} }, "no user namespace"},
		"hostname of the host":  {func(s *specs.Spec) { s.Linux.Namespaces = s.Linux.Namespaces[:1]; s.Linux.Sysctl = nil }, "hostname: without a uts"},
		"hostname of two lines": {func(s *specs.Spec) { s.Hostname = "a\nb" }, "hostname"},
		"masked relative":       {func(s *specs.Spec) { s.Linux.MaskedPaths = []string{"proc/kcore"} }, "read-only path"},
		"read-only relative":    {func(s *specs.Spec) { s.Linux.ReadonlyPaths = []string{""} }, "read-only path"},
		"cgroup above":          {func(s *specs.Spec) { s.Linux.CgroupsPath = "/a/../../b" }, "cgroupsPath"},
		"propagation":           {func(s *specs.Spec) { s.Linux.RootfsPropagation = "open" }, "rootfsPropagation"},
		"device relative":       {func(s *specs.Spec) { s.Linux.Devices = []specs.LinuxDevice{{Path: "dev/x", Type: "c"}} }, "linux.devices: path"},
		"device type":           {func(s *specs.Spec) { s.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/x", Type: "d"}} }, "unknown type \"d\""},
		"device number":         {func(s *specs.Spec) { s.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/x", Type: "c", Major: -1}} }, "-1:0"},
		"rule type":             {func(s *specs.Spec) { s.Linux.Resources.Devices[0].Type = "x" }, "resources.devices[0]: unknown type"},
		"rule access":           {func(s *specs.Spec) { s.Linux.Resources.Devices[0].Access = "rx" }, "resources.devices[0]: access"},
		"sysctl of the machine": {func(s *specs.Spec) { s.Linux.Sysctl = map[string]string{"kernel.core_pattern": "|x"} }, "the whole machine"},
		"sysctl of the host": {func(s *specs.Spec) {
			s.Linux.Sysctl, s.Linux.Namespaces = map[string]string{"net.a": "1"}, s.Linux.Namespaces[:2]
		}, "host's network namespace"},
	} {
		s := must(t, func(*Input) {}).Spec
		c.change(s)
		refused(t, what, Validate(s), c.want)
	}
	if err := Validate(nil); err == nil {
		t.Error("Validate(nil) = nil")
	}
}

func TestValidateTellsEverythingAtOnce(t *testing.T) {
	err := Validate(&specs.Spec{})
	for _, want := range []string{"ociVersion", "root.path", "process", "linux"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Validate of nothing: %v, want %s in it", err, want)
		}
	}
}

func TestValidateDoesNotFloodTheTerminal(t *testing.T) {
	s := must(t, func(*Input) {}).Spec
	s.Mounts = make([]specs.Mount, 1000)
	if err := Validate(s); err == nil || len(err.Error()) > 1000 || !strings.HasSuffix(err.Error(), "and 992 more") {
		t.Errorf("Validate of 1000 bad mounts: %v", err)
	}
}

// What the specification allows, and others write.
func TestValidateAllows(t *testing.T) {
	for what, change := range map[string]func(s *specs.Spec){
		"nothing changed":        func(*specs.Spec) {},
		"an unknown capability":  func(s *specs.Spec) { s.Process.Capabilities.Bounding = []string{"CAP_FUTURE"} },
		"no capabilities":        func(s *specs.Spec) { s.Process.Capabilities = nil },
		"Docker's version":       func(s *specs.Spec) { s.Version = "1.0.2-dev" },
		"an absolute root":       func(s *specs.Spec) { s.Root.Path = "/var/lib/x" },
		"joining namespaces":     func(s *specs.Spec) { s.Linux.Namespaces[3].Path = "/proc/1/ns/net" },
		"a host name by sysctl":  func(s *specs.Spec) { s.Linux.Sysctl = map[string]string{"kernel.domainname": "x"} },
		"no resources":           func(s *specs.Spec) { s.Linux.Resources = nil },
		"a rule without a type":  func(s *specs.Spec) { s.Linux.Resources.Devices[0].Access = "" },
		"unbindable propagation": func(s *specs.Spec) { s.Linux.RootfsPropagation = "unbindable" },
		"user namespace": func(s *specs.Spec) {
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
			s.Linux.UIDMappings = []specs.LinuxIDMapping{{Size: 1}}
		},
	} {
		s := must(t, func(*Input) {}).Spec
		if change(s); Validate(s) != nil {
			t.Errorf("%s: %v", what, Validate(s))
		}
	}
}

func FuzzConfig(f *testing.F) {
	for _, change := range []func(*Input){func(*Input) {}, everything, func(in *Input) { in.Options.Privileged = true }} {
		res, err := with(change)
		if err != nil {
			f.Fatal(err)
		}
		b, err := json.Marshal(res.Spec)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"ociVersion":"1.0.0","process":{"user":{"uid":4294967295}},"linux":{"namespaces":[{}],"resources":null},"mounts":[{}],"hooks":{}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		if Validate(s) != nil {
			return
		}
		if s.Process.Cwd[0] != '/' || len(s.Process.Args) == 0 || s.Process.User.UID > 1<<31-1 || s.Root.Path == "" {
			t.Fatalf("Validate lets %s through", b)
		}
	})
}
