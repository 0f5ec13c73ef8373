package spec

import (
	"encoding/json"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func twoProcessors() (cpus, mems string) { return "0-1", "0" }

// limited builds alpine with limits, on a machine with two processors.
func limited(l Limits) (Result, error) {
	return with(func(in *Input) { in.Options.Limits, in.Host.Processors = l, twoProcessors })
}

func TestLimits(t *testing.T) {
	for what, c := range map[string]struct {
		limits Limits
		want   string // linux.resources without devices
	}{
		"none":                      {Limits{}, `{}`},
		"zeros":                     {Limits{Memory: "0", CPUs: "0", CPUShares: "0", CPUQuota: "0", BlkioWeight: "0"}, `{"memory":{}}`},
		"memory, and as much swap":  {Limits{Memory: "64m"}, `{"memory":{"limit":67108864,"swap":134217728}}`},
		"memory in words of Docker": {Limits{Memory: "0.5GB"}, `{"memory":{"limit":536870912,"swap":1073741824}}`},
		"the least":                 {Limits{Memory: "6291456"}, `{"memory":{"limit":6291456,"swap":12582912}}`},
		"memory beyond measure":     {Limits{Memory: "5000000000000000000"}, `{"memory":{"limit":5000000000000000000,"swap":-1}}`},
		"no swap":                   {Limits{Memory: "64m", MemorySwap: "64m"}, `{"memory":{"limit":67108864,"swap":67108864}}`},
		"any swap":                  {Limits{Memory: "64m", MemorySwap: "-1"}, `{"memory":{"limit":67108864,"swap":-1}}`},
		"any swap, no limit":        {Limits{MemorySwap: "-1"}, `{"memory":{}}`},
		"a reservation":             {Limits{Memory: "64m", MemoryReservation: "32m"}, `{"memory":{"limit":67108864,"reservation":33554432,"swap":134217728}}`},
		"only a reservation":        {Limits{MemoryReservation: "32m"}, `{"memory":{"reservation":33554432}}`},
		"no OOM killer":             {Limits{Memory: "8m", OOMKillDisable: true}, `{"memory":{"limit":8388608,"swap":16777216,"disableOOMKiller":true}}`},
		"one and a half processors": {Limits{CPUs: "1.5"}, `{"cpu":{"quota":150000,"period":100000}}`},
		"half a processor":          {Limits{CPUs: ".5"}, `{"cpu":{"quota":50000,"period":100000}}`},
		"with an exponent":          {Limits{CPUs: "1e-1"}, `{"cpu":{"quota":10000,"period":100000}}`},
		"a fraction":                {Limits{CPUs: "3/2"}, `{"cpu":{"quota":150000,"period":100000}}`},
		"all processors":            {Limits{CPUs: "2"}, `{"cpu":{"quota":200000,"period":100000}}`},
		"quota and period":          {Limits{CPUQuota: "5000", CPUPeriod: "20000"}, `{"cpu":{"quota":5000,"period":20000}}`},
		"no quota":                  {Limits{CPUQuota: "-1"}, `{"cpu":{"quota":-1}}`},
		"shares":                    {Limits{CPUShares: "512"}, `{"cpu":{"shares":512}}`},
		"processors":                {Limits{CpusetCPUs: "0-1", CpusetMems: "0"}, `{"cpu":{"cpus":"0-1","mems":"0"}}`},
		"pids":                      {Limits{PidsLimit: "20"}, `{"pids":{"limit":20}}`},
		"pids, the most":            {Limits{PidsLimit: "4194304"}, `{"pids":{"limit":4194304}}`},
		"pids without limit":        {Limits{PidsLimit: "-1"}, `{"pids":{"limit":-1}}`},
		"pids without limit, 0":     {Limits{PidsLimit: "0"}, `{"pids":{"limit":-1}}`},
		"a weight at disks":         {Limits{BlkioWeight: "300"}, `{"blockIO":{"weight":300}}`},
		"rates at disks": {
			Limits{DeviceReadBps: []string{"/dev/sda:1mb"}, DeviceWriteBps: []string{"/dev/../dev/sda:512"}},
			`{"blockIO":{"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":1048576}],"throttleWriteBpsDevice":[{"major":8,"minor":0,"rate":512}]}}`,
		},
	} {
		res, err := limited(c.limits)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if err := Validate(res.Spec); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		r := *res.Spec.Linux.Resources
		r.Devices = nil
		got, err := json.Marshal(r)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: resources\n%s, want\n%s (%v)", what, got, c.want, err)
		}
		if len(res.Warnings) > 0 {
			t.Errorf("%s: warnings %q", what, res.Warnings)
		}
	}
}

func TestLimitsThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		limits Limits
		want   string
	}{
		{Limits{Memory: "x"}, `--memory "x": invalid size: 'x'`},
		{Limits{Memory: "-1"}, `--memory "-1": invalid size`},
		{Limits{Memory: "5m"}, "--memory 5m: Minimum memory limit allowed is 6MB"},
		{Limits{Memory: "1"}, "Minimum memory limit allowed is 6MB"},
		{Limits{Memory: "99999999999g"}, "no machine has as much"},
		{Limits{Memory: "64m", MemorySwap: "32m"}, "Minimum memoryswap limit should be larger than memory limit"},
		{Limits{Memory: "64m", MemorySwap: "-2"}, `--memory-swap "-2": invalid size`},
		{Limits{MemorySwap: "64m"}, "You should always set the Memory limit when using Memoryswap limit"},
		{Limits{MemoryReservation: "1m"}, "Minimum memory reservation allowed is 6MB"},
		{Limits{MemoryReservation: "y"}, "--memory-reservation"},
		{Limits{Memory: "32m", MemoryReservation: "64m"}, "Minimum memory limit can not be less than memory reservation limit"},
		{Limits{CPUs: "3"}, "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available"},
		{Limits{CPUs: "0.001"}, "Range of CPUs is from 0.01"},
		{Limits{CPUs: "-1"}, "--cpus -1: Range of CPUs is from 0.01"},
		{Limits{CPUs: "."}, `--cpus "."`},
		{Limits{CPUs: "two"}, `--cpus "two"`},
		{Limits{CPUs: "1.0000000001"}, "value is too precise"},
		{Limits{CPUs: "1/3"}, "value is too precise"},
		{Limits{CPUs: "1/0"}, `--cpus "1/0"`},
		{Limits{CPUs: "99999999999999999999"}, "--cpus 99999999999999999999: Range of CPUs is from 0.01"},
		{Limits{CPUs: "1e999999999"}, `--cpus "1e999999999"`},
		{Limits{CPUs: "1", CPUPeriod: "10000"}, "Nano CPUs and CPU Period cannot both be set"},
		{Limits{CPUs: "1", CPUQuota: "10000"}, "Nano CPUs and CPU Quota cannot both be set"},
		{Limits{CPUs: "1", CPUQuota: "-1"}, "Nano CPUs and CPU Quota cannot both be set"},
		{Limits{CPUPeriod: "999"}, "CPU cfs period can not be less than 1ms"},
		{Limits{CPUPeriod: "1000001"}, "larger than 1s"},
		{Limits{CPUPeriod: "x"}, `--cpu-period "x": not a whole number`},
		{Limits{CPUQuota: "999"}, "CPU cfs quota can not be less than 1ms"},
		{Limits{CPUQuota: "-2"}, "--cpu-quota -2"},
		{Limits{CPUQuota: "1.5"}, `--cpu-quota "1.5"`},
		{Limits{CPUShares: "-1"}, "--cpu-shares -1"},
		{Limits{CPUShares: "many"}, `--cpu-shares "many"`},
		{Limits{CpusetCPUs: "7"}, "Requested CPUs are not available - requested 7, available: 0-1"},
		{Limits{CpusetCPUs: "0-7"}, "Requested CPUs are not available"},
		{Limits{CpusetCPUs: "1-0"}, "Invalid value 1-0 for cpuset cpus"},
		{Limits{CpusetCPUs: "0,"}, "Invalid value 0, for cpuset cpus"},
		{Limits{CpusetCPUs: "-1"}, "Invalid value -1 for cpuset cpus"},
		{Limits{CpusetCPUs: "0-99999999"}, "Invalid value"},
		{Limits{CpusetMems: "1"}, "Requested memory nodes are not available - requested 1, available: 0"},
		{Limits{CpusetMems: "x"}, "Invalid value x for cpuset mems"},
		{Limits{PidsLimit: "x"}, `--pids-limit "x"`},
		{Limits{PidsLimit: "-2"}, "--pids-limit -2"},
		{Limits{PidsLimit: "4194305"}, "--pids-limit 4194305: the kernel takes 4194304 at most"},
		{Limits{BlkioWeight: "9"}, "Range of blkio weight is from 10 to 1000"},
		{Limits{BlkioWeight: "1001"}, "Range of blkio weight is from 10 to 1000"},
		{Limits{BlkioWeight: "-10"}, "--blkio-weight -10"},
		{Limits{DeviceReadBps: []string{"/dev/sda"}}, "bad format: /dev/sda"},
		{Limits{DeviceReadBps: []string{"sda:1mb"}}, "bad format for device path: sda:1mb"},
		{Limits{DeviceReadBps: []string{"/dev/../etc/x:1mb"}}, "bad format for device path"},
		{Limits{DeviceWriteBps: []string{"/dev/sda:fast"}}, "--device-write-bps: invalid rate for device: /dev/sda:fast"},
		{Limits{DeviceWriteBps: []string{"/dev/sda:-1"}}, "invalid rate for device"},
		{Limits{DeviceWriteBps: []string{"/dev/null:1"}}, "/dev/null is no disk"},
		{Limits{DeviceWriteBps: []string{"/dev/net:1"}}, "/dev/net is no disk"},
		{Limits{DeviceWriteBps: []string{"/dev/nope:1"}}, "/dev/nope"},
		{Limits{OOMScoreAdj: "1001"}, "Invalid value 1001, range for oom score adj is [-1000, 1000]"},
		{Limits{OOMScoreAdj: "-1001"}, "range for oom score adj"},
		{Limits{OOMScoreAdj: "x"}, "range for oom score adj"},
		{Limits{CgroupParent: "../x"}, "--cgroup-parent"},
		{Limits{CgroupParent: "/a/../../b"}, "--cgroup-parent"},
		{Limits{CgroupParent: "a\nb"}, "--cgroup-parent"},
	} {
		_, err := limited(c.limits)
		refused(t, strings.Join(strings.Fields(c.want), " "), err, c.want)
	}
}

func TestPidsLimitLeavesRoomForTheInit(t *testing.T) {
	for limit, ok := range map[string]bool{"15": false, "16": true, "-1": true, "0": true} {
		_, err := with(func(in *Input) { in.Options.Init, in.Options.Limits.PidsLimit = true, limit })
		if (err == nil) != ok {
			t.Errorf("--init --pids-limit %s: %v", limit, err)
		}
	}
}

func TestOOMScore(t *testing.T) {
	for word, want := range map[string]int{"-1000": -1000, "0": 0, "500": 500} {
		res, err := limited(Limits{OOMScoreAdj: word})
		if err != nil || res.Spec.Process.OOMScoreAdj == nil || *res.Spec.Process.OOMScoreAdj != want {
			t.Errorf("--oom-score-adj %s: %v, %v", word, res.Spec, err)
		}
	}
	if res := must(t, func(*Input) {}); res.Spec.Process.OOMScoreAdj != nil {
		t.Error("a score that nobody asked for")
	}
	res, err := limited(Limits{OOMKillDisable: true})
	if err != nil || len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], "no memory limit is set") {
		t.Errorf("no OOM killer and no limit: warnings %q, %v", res.Warnings, err)
	}
}

func TestCgroupParent(t *testing.T) {
	for parent, want := range map[string]string{
		"": "/learnbox-" + testID, "/": "/learnbox-" + testID, "/course": "/course/learnbox-" + testID,
		"a/b/": "/a/b/learnbox-" + testID, "my.slice": "/my.slice/learnbox-" + testID,
	} {
		res, err := limited(Limits{CgroupParent: parent})
		if err != nil || res.Spec.Linux.CgroupsPath != want {
			t.Errorf("--cgroup-parent %q: %v, want %s", parent, err, want)
		}
	}
}

func TestTheGroupAbove(t *testing.T) {
	for _, c := range []struct {
		parent, common, want string
	}{{"", "", ""}, {"", "learnbox/", "learnbox/"}, {"course", "", "course/"}, {"course", "learnbox/", "course/"}, {"/", "learnbox/", ""}} {
		if got, err := CgroupPath("1f", c.parent, c.common); err != nil || got != c.want+"learnbox-1f" {
			t.Errorf("CgroupPath with the parent %q beside %q = %s, %v, want it in %q", c.parent, c.common, got, err, c.want)
		}
	}
}

func TestCgroupns(t *testing.T) {
	for _, c := range []struct {
		mode    string
		version int
		own     bool
	}{{"", 1, false}, {"", 2, true}, {"private", 1, true}, {"private", 2, true}, {"host", 1, false}, {"host", 2, false}} {
		res := must(t, func(in *Input) { in.Options.Cgroupns, in.Host.CgroupVersion = c.mode, c.version })
		if got := hasNamespace(res.Spec.Linux, specs.CgroupNamespace); got != c.own {
			t.Errorf("--cgroupns %q on version %d: its own %v, want %v", c.mode, c.version, got, c.own)
		}
	}
	_, err := with(func(in *Input) { in.Options.Cgroupns = "none" })
	refused(t, "--cgroupns none", err, "--cgroupns none: unknown mode")
}

func TestProcessorsAreAskedForOnlyWhenNeeded(t *testing.T) {
	_, err := with(func(in *Input) {
		in.Options.Limits = Limits{Memory: "64m", CPUShares: "5", PidsLimit: "5", CPUQuota: "5000"}
		in.Host.Processors = func() (string, string) { t.Error("asked"); return "", "" }
	})
	if err != nil {
		t.Error(err)
	}
}

func FuzzParseList(f *testing.F) {
	f.Add("0-2,4")
	f.Add("1-0")
	f.Fuzz(func(t *testing.T, s string) {
		all, err := parseList(s)
		if err != nil {
			return
		}
		again, err := parseList(formatList(all))
		if err != nil || len(again) != len(all) {
			t.Errorf("parseList(%q) has %d numbers, and written again %d (%v)", s, len(all), len(again), err)
		}
	})
}
