package main

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/lifecycle"
)

// sample is the container whose keys Docker 20.10 was asked for.
func sample() described {
	argv := "--root /r run -d --name r1 --network none -v ./insp:/x:ro --cap-add net_admin --cap-drop ALL --ulimit nofile=64:128 -l a=b " +
		"-e FOO=bar --tmpfs /t:size=1m --dns 1.2.3.4 --add-host a:1.2.3.4 --init -w /tmp -u 1 --shm-size 32m --device /dev/fuse:r tiny sleep 1000"
	d := described{dir: "/r/containers/4efc", image: &imageConfig{Env: []string{"TERM=dumb"}, Cmd: []string{"sh"}}}
	d.Record = lifecycle.Record{
		ID: strings.Repeat("4efc", 16), Name: "r1", Image: "tiny", Created: time.Unix(1, 0).UTC(), Init: true,
		Detached: true, Labels: map[string]string{"a": "b"}, Args: []string{"sleep", "1000"}, Command: strings.Fields(argv),
	}
	d.State = lifecycle.State{Status: lifecycle.Paused}
	d.spec = &specs.Spec{
		Hostname: "4efc20710f3a",
		Process: &specs.Process{
			Env:     []string{"PATH=/bin", "HOSTNAME=4efc20710f3a", "TERM=dumb", "FOO=bar", "HOME=/"},
			Rlimits: []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 64, Hard: 128}},
		},
		Mounts: []specs.Mount{
			{Destination: "/dev/shm", Type: "tmpfs", Source: "shm", Options: []string{"size=33554432"}},
			{Destination: "/etc/hosts", Type: "bind", Source: "/r/containers/4efc/etc/hosts", Options: []string{"rbind", "rprivate"}},
			{Destination: "/x", Type: "bind", Source: "/tmp/insp", Options: []string{"rbind", "ro", "rprivate"}},
			{Destination: "/t", Type: "tmpfs", Source: "tmpfs", Options: []string{"size=1m"}},
		},
		Linux: &specs.Linux{Namespaces: []specs.LinuxNamespace{{Type: specs.IPCNamespace}}},
	}
	d.flags = typedFlags(d.Command)
	return d
}

// TestInspectHasDockersKeys compares with what Docker printed.
func TestInspectHasDockersKeys(t *testing.T) {
	text, err := os.ReadFile("testdata/docker/inspect-keys.txt")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(sample().report())
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(raw, &object); err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	keyPaths("", object, have)
	for key := range strings.FieldsSeq(string(text)) {
		if !have[key] {
			t.Errorf("inspect lacks Docker's key %s", key)
		}
		delete(have, key)
	}
	for _, key := range slices.Sorted(maps.Keys(have)) {
		if !strings.HasPrefix(key, "Learnbox") && !strings.HasPrefix(key, "HostConfig.Devices.") {
			t.Errorf("inspect has a key %s, which Docker has not", key)
		}
	}
}

func keyPaths(prefix string, v any, into map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			into[prefix+key] = true
			keyPaths(prefix+key+".", value, into)
		}
	case []any:
		for _, value := range v {
			keyPaths(prefix, value, into)
		}
	}
}

// TestInspectTellsWhatWasTyped checks the values for which the flags are read again.
func TestInspectTellsWhatWasTyped(t *testing.T) {
	r := sample().report()
	h, c := r.HostConfig, r.Config
	for what, pair := range map[string][2]any{
		"a source in full":                {h.Binds, []string{"/tmp/insp:/x:ro"}},
		"capabilities in Docker's form":   {append(h.CapAdd, h.CapDrop...), []string{"CAP_NET_ADMIN", "ALL"}},
		"a tmpfs is no mount":             {r.Mounts, []mountPoint{{Type: "bind", Source: "/tmp/insp", Destination: "/x", Mode: "ro", Propagation: "rprivate"}}},
		"a device with permissions":       {h.Devices, []deviceMapping{{"/dev/fuse", "/dev/fuse", "r"}}},
		"limits":                          {h.Ulimits, []ulimit{{"nofile", 128, 64}}},
		"bytes of shared memory":          {h.ShmSize, int64(32 << 20)},
		"variables that somebody named":   {c.Env, []string{"TERM=dumb", "FOO=bar"}},
		"the command, not the image's":    {c.Cmd, []string{"sleep", "1000"}},
		"a namespace that is shared":      {h.IpcMode + " " + h.CgroupnsMode, "private host"},
		"a paused container runs":         {[]bool{r.State.Running, r.State.Paused}, []bool{true, true}},
		"nobody is attached":              {c.AttachStdout, false},
		"times that never were":           {r.State.StartedAt, "0001-01-01T00:00:00Z"},
		"a name with a slash":             {r.Name + " " + r.Path, "/r1 sleep"},
		"a command that cannot be parsed": {typedFlags([]string{"run", "--no-such-flag", "x"}).DNS, []string(nil)},
	} {
		if diff := cmp.Diff(pair[1], pair[0]); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", what, diff)
		}
	}
}
