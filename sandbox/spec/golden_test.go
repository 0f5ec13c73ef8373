package spec

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// everything uses every option that does not exclude another.
func everything(in *Input) {
	entrypoint := "/usr/bin/env"
	in.Image.User, in.Image.WorkingDir, in.Image.StopSignal = "nobody", "/srv", "SIGQUIT"
	in.Image.Entrypoint, in.Image.Labels = []string{"/entry"}, map[string]string{"maintainer": "somebody", "tier": "image"}
	in.Host.CgroupVersion = 2
	in.Host.ThermalThrottle = []string{"/sys/devices/system/cpu/cpu0/thermal_throttle"}
	in.Host.Environ = []string{"LANG=C.UTF-8"}
	in.Host.Processors = twoProcessors
	in.Options = Options{
		Command: []string{"sh", "-c", "id"}, Entrypoint: &entrypoint,
		Interactive: true, TTY: true, Init: true, ReadOnly: true,
		Env: []string{"GREETING=hello world", "LANG", "UNSET"}, Workdir: "/srv/../app",
		User: "daemon", Hostname: "box", StopSignal: "int", GroupAdd: []string{"wheel", "2000"},
		Volumes: []string{"./src:/app:ro", "/data:/srv/deep/data:rslave,z"},
		Mounts:  []string{`type=bind,source=/etc/ssl,target=/ssl,readonly`, "type=tmpfs,dst=/cache,tmpfs-size=1m,tmpfs-mode=1770"},
		Tmpfs:   []string{"/run:exec,size=64k"},
		Devices: []string{"/dev/fuse", "/dev/net:/dev/nets:rw"},
		AddHost: []string{"db:10.0.0.5"}, DNS: []string{"9.9.9.9"}, DNSSearch: []string{"corp.example"},
		CapAdd: []string{"NET_ADMIN"}, CapDrop: []string{"CHOWN"},
		SecurityOpt: []string{"no-new-privileges", "seccomp=profile.json"},
		Ulimits:     []string{"nofile=1024:2048", "core=-1"},
		Sysctls:     []string{"net.core.somaxconn=1024", "kernel.msgmax=9000"},
		Labels:      []string{"tier=mine"}, Network: "none", ShmSize: "128m",
		Limits: Limits{
			Memory: "64m", MemorySwap: "-1", MemoryReservation: "32m", OOMKillDisable: true, OOMScoreAdj: "100",
			CPUs: "1.5", CPUShares: "512", CpusetCPUs: "0-1", CpusetMems: "0", PidsLimit: "100",
			BlkioWeight: "500", DeviceReadBps: []string{"/dev/sda:1mb"}, CgroupParent: "/course",
		},
	}
}

func TestGolden(t *testing.T) {
	for name, change := range map[string]func(*Input){
		"plain":      func(*Input) {},
		"privileged": func(in *Input) { in.Options.Privileged = true },
		"everything": everything,
	} {
		t.Run(name, func(t *testing.T) {
			got, err := json.MarshalIndent(must(t, change), "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
			golden := filepath.Join("testdata", name+".golden.json")
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("Build gives another result (- wanted, + got; go test -update writes it down):\n%s", diff)
			}
		})
	}
}

// The same input gives the same bytes: nothing depends on the order of a map.
func TestBuildIsDeterministic(t *testing.T) {
	encode := func() string {
		b, err := json.Marshal(must(t, everything))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	first := encode()
	for range 20 {
		if again := encode(); again != first {
			t.Fatal(cmp.Diff(first, again))
		}
	}
}
