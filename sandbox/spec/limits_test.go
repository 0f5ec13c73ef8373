package spec

import (
	"fmt"
	"maps"
	"strings"
	"testing"
)

func TestUlimits(t *testing.T) {
	const infinity = 1<<64 - 1
	res := must(t, func(in *Input) {
		in.Options.Ulimits = []string{"nofile=10:20", "core=-1", "nofile=5", "cpu=0:-1"}
	})
	want := fmt.Sprintf("[{RLIMIT_CORE %d %d} {RLIMIT_CPU %d 0} {RLIMIT_NOFILE 5 5}]", uint64(infinity), uint64(infinity), uint64(infinity))
	if got := fmt.Sprint(res.Spec.Process.Rlimits); got != want {
		t.Errorf("rlimits (type hard soft) %s, want %s", got, want)
	}
	for _, bad := range []string{
		"", "nofile", "nofile=", "bogus=1", "as=1", "nofile=2:1", "nofile=-1:5", "nofile=-2", "nofile=1:-2", "nofile=-2:5",
		"nofile=1:2:3", "nofile=x", "nofile=9223372036854775808", "NOFILE=1",
	} {
		_, err := with(func(in *Input) { in.Options.Ulimits = []string{bad} })
		refused(t, "--ulimit "+bad, err, fmt.Sprintf("--ulimit %q", bad))
	}
}

func TestSysctlsFollowDocker(t *testing.T) {
	defaults := map[string]string{"net.ipv4.ping_group_range": "0 2147483647", "net.ipv4.ip_unprivileged_port_start": "0"}
	for what, c := range map[string]struct {
		options Options
		want    map[string]string // beside the defaults
		none    bool              // not even the defaults
	}{
		"nothing":             {Options{}, nil, false},
		"the host's network":  {Options{Network: "host"}, nil, true},
		"network":             {Options{Sysctls: []string{"net.core.somaxconn=5"}}, map[string]string{"net.core.somaxconn": "5"}, false},
		"the last counts":     {Options{Sysctls: []string{"net.a=5", "net.a=6"}}, map[string]string{"net.a": "6"}, false},
		"over a default":      {Options{Sysctls: []string{"net.ipv4.ip_unprivileged_port_start=1024"}}, map[string]string{"net.ipv4.ip_unprivileged_port_start": "1024"}, false},
		"ipc":                 {Options{Sysctls: []string{"kernel.sem=1 2 3 4", "fs.mqueue.msg_max=9"}}, map[string]string{"kernel.sem": "1 2 3 4", "fs.mqueue.msg_max": "9"}, false},
		"ipc, host's network": {Options{Network: "host", Sysctls: []string{"kernel.shmmax=="}}, map[string]string{"kernel.shmmax": "="}, true},
	} {
		want := map[string]string{}
		if !c.none {
			maps.Copy(want, defaults)
		}
		maps.Copy(want, c.want)
		if got := must(t, func(in *Input) { in.Options = c.options }).Spec.Linux.Sysctl; !maps.Equal(got, want) {
			t.Errorf("%s: sysctls %v, want %v", what, got, want)
		}
	}
	if got := must(t, func(in *Input) { in.Host.HasSysctl = func(n string) bool { return strings.HasSuffix(n, "range") } }); len(got.Spec.Linux.Sysctl) != 1 {
		t.Errorf("a kernel with one of the two: sysctls %v", got.Spec.Linux.Sysctl)
	}
	if got := must(t, func(in *Input) { in.Host.HasSysctl = nil }); got.Spec.Linux.Sysctl != nil {
		t.Errorf("nobody knows: sysctls %v", got.Spec.Linux.Sysctl)
	}
}

func TestSysctlsThatAreNotTheContainersOwn(t *testing.T) {
	for flag, want := range map[string]string{
		"":                        "no value",
		"net.core.somaxconn":      "no value",
		"net.a=1\nx":              "no value",
		"=1":                      "the whole machine",
		"kernel.hostname=x":       "the whole machine",
		"kernel.core_pattern=|x":  "the whole machine",
		"kernel.semx=1":           "the whole machine",
		"vm.swappiness=1":         "the whole machine",
		"net/core/somaxconn=1":    "the whole machine",
		"net.=1":                  "the whole machine",
		"net..a=1":                "the whole machine",
		"net.a/../../../kernel=1": "the whole machine",
		"net.\x00=1":              "the whole machine",
		"fs.mqueue=1":             "the whole machine",
	} {
		_, err := with(func(in *Input) { in.Options.Sysctls = []string{flag} })
		refused(t, "--sysctl "+flag, err, want)
	}
	_, err := with(func(in *Input) { in.Options = Options{Network: "host", Sysctls: []string{"net.a=1"}} })
	refused(t, "net.* with --network host", err, "shares the host's network namespace")
	for _, name := range []string{"kernel.msgmax", "fs.mqueue.msg_max"} {
		_, err = with(func(in *Input) { in.Options = Options{IPC: "host", Sysctls: []string{name + "=1"}} })
		refused(t, name+" with --ipc host", err, "shares the host's ipc namespace")
	}
}
