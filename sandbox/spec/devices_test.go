package spec

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// rule prints a device rule as the cgroup v1 file devices.list does.
func rule(r specs.LinuxDeviceCgroup) string {
	number := func(n *int64) string {
		if n == nil {
			return "*"
		}
		return fmt.Sprint(*n)
	}
	verb, kind := "deny", r.Type
	if r.Allow {
		verb = "allow"
	}
	if kind == "" {
		kind = "a"
	}
	return fmt.Sprintf("%s %s %s:%s %s", verb, kind, number(r.Major), number(r.Minor), r.Access)
}

func rules(s *specs.Spec) []string {
	var all []string
	for _, r := range s.Linux.Resources.Devices {
		all = append(all, rule(r))
	}
	return all
}

func nodes(s *specs.Spec) string {
	var all []string
	for _, d := range s.Linux.Devices {
		all = append(all, fmt.Sprintf("%s=%s%d:%d", d.Path, d.Type, d.Major, d.Minor))
	}
	return strings.Join(all, " ")
}

func TestDefaultDeviceRules(t *testing.T) {
	want := []string{
		"deny a *:* rwm",
		"allow c *:* m", "allow b *:* m",
		"allow c 1:3 rwm", "allow c 1:5 rwm", "allow c 1:7 rwm", "allow c 1:8 rwm", "allow c 1:9 rwm",
		"allow c 5:0 rwm", "allow c 5:2 rwm", "allow c 136:* rwm",
	}
	s := must(t, func(*Input) {}).Spec
	if diff := cmp.Diff(want, rules(s)); diff != "" {
		t.Errorf("(- wanted, + got):\n%s", diff)
	}
	if got := nodes(s); got != "" {
		t.Errorf("device nodes %s, want none beyond the runtime's own", got)
	}
}

func TestDeviceFlagFollowsDocker(t *testing.T) {
	const own = 11 // default rules
	for flag, want := range map[string]string{
		"/dev/fuse":             "/dev/fuse=c10:229 allow c 10:229 rwm",
		"/dev/../dev/fuse":      "/dev/fuse=c10:229 allow c 10:229 rwm",
		"/dev/fuse:/dev/foo":    "/dev/foo=c10:229 allow c 10:229 rwm",
		"/dev/fuse:/dev/foo:r":  "/dev/foo=c10:229 allow c 10:229 r",
		"/dev/fuse:rw":          "/dev/fuse=c10:229 allow c 10:229 rw",
		"/dev/fuse:/dev/foo:mr": "/dev/foo=c10:229 allow c 10:229 mr",
		"/dev/sda":              "/dev/sda=b8:0 allow b 8:0 rwm",
		"/dev/net:/dev/nn":      "/dev/nn/tun=c10:200 allow c 10:200 rwm",
		"/dev/pipe":             "/dev/pipe=p0:0",
	} {
		s := must(t, func(in *Input) { in.Options.Devices = []string{flag} }).Spec
		got := strings.TrimSpace(nodes(s) + " " + strings.Join(rules(s)[own:], ", "))
		if got != want {
			t.Errorf("--device %s = %s, want %s", flag, got, want)
		}
	}
	for flag, want := range map[string]string{
		"":                     "not an absolute path",
		"fuse":                 "not an absolute path",
		"/dev/fuse:foo":        "not an absolute path",
		"/dev/fuse:":           "not an absolute path",
		"/dev/fuse:/dev/foo:x": `access "x"`,
		"/dev/fuse:/dev/foo:":  `access ""`,
		"/dev/fuse:/d:rr":      `access "rr"`,
		"/dev/fuse:/d:r:w":     "too many colons",
		"/etc":                 "there is no device in /etc",
		"/dev/fuse\x00":        "not an absolute path",
	} {
		_, err := with(func(in *Input) { in.Options.Devices = []string{flag} })
		refused(t, "--device "+flag, err, want)
	}
	_, err := with(func(in *Input) { in.Options.Devices = []string{"/dev/nope"} })
	if refused(t, "--device /dev/nope", err, `--device "/dev/nope"`); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("--device /dev/nope: %v, want it to be fs.ErrNotExist", err)
	}
	_, err = with(func(in *Input) { in.Options.Devices, in.Device = []string{"/dev/fuse"}, nil })
	refused(t, "nobody to look devices up", err, "nobody to ask")
}

func TestPrivilegedHasAllDevices(t *testing.T) {
	s := must(t, func(in *Input) {
		in.Options.Privileged = true
		in.Options.Devices = []string{"/dev/fuse", "/dev/fuse:/dev/foo:r"}
	}).Spec
	if diff := cmp.Diff([]string{"allow a *:* rwm"}, rules(s)); diff != "" {
		t.Errorf("rules (- wanted, + got):\n%s", diff)
	}
	if got, want := nodes(s), "/dev/fuse=c10:229 /dev/net/tun=c10:200 /dev/sda=b8:0 /dev/foo=c10:229"; got != want {
		t.Errorf("nodes %s\nwant  %s", got, want)
	}
}
