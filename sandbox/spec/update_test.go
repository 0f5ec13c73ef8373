package spec

import (
	"encoding/json"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func TestUpdate(t *testing.T) {
	const small = `{"memory":{"limit":67108864,"swap":134217728}}`
	for what, c := range map[string]struct{ present, want string }{
		"first limits":               {`{}`, small},
		"less memory, the same swap": {`{"memory":{"limit":100000000,"swap":134217728}}`, small},
		"any swap":                   {`{"memory":{"limit":33554432,"swap":-1}}`, `{"memory":{"limit":67108864,"swap":-1}}`},
		"the rest stays": {
			`{"devices":[{"allow":false,"access":"rwm"}],"memory":{"limit":8388608,"reservation":8388608,"swap":134217728,"disableOOMKiller":true},"pids":{"limit":5},"blockIO":{"weight":300}}`,
			`{"devices":[{"allow":false,"access":"rwm"}],"memory":{"limit":67108864,"reservation":8388608,"swap":134217728,"disableOOMKiller":true},"pids":{"limit":5},"blockIO":{"weight":300}}`,
		},
	} {
		if got := updated(t, what, c.present, Limits{Memory: "64m"}); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", what, got, c.want)
		}
	}
	const busy = `{"cpu":{"shares":512,"quota":50000,"period":100000,"cpus":"0"}}`
	for what, c := range map[string]struct {
		limits Limits
		want   string
	}{
		"another share":            {Limits{CPUShares: "100"}, `{"cpu":{"shares":100,"quota":50000,"period":100000,"cpus":"0"}}`},
		"zeros":                    {Limits{Memory: "0", CPUs: "0", CPUShares: "0", CPUQuota: "0"}, `{"memory":{},"cpu":{"shares":512,"quota":50000,"period":100000,"cpus":"0"}}`},
		"more processors":          {Limits{CPUs: "1.5", CpusetCPUs: "0-1", CpusetMems: "0"}, `{"cpu":{"shares":512,"quota":150000,"period":100000,"cpus":"0-1","mems":"0"}}`},
		"half a processor":         {Limits{CPUs: "1/2"}, busy},
		"another quota":            {Limits{CPUQuota: "-1"}, `{"cpu":{"shares":512,"quota":-1,"period":100000,"cpus":"0"}}`},
		"no limit of processes":    {Limits{PidsLimit: "0"}, `{"cpu":{"shares":512,"quota":50000,"period":100000,"cpus":"0"},"pids":{"limit":-1}}`},
		"a weight at disks":        {Limits{BlkioWeight: "10"}, `{"cpu":{"shares":512,"quota":50000,"period":100000,"cpus":"0"},"blockIO":{"weight":10}}`},
		"a reservation, no memory": {Limits{MemoryReservation: "8m"}, `{"memory":{"reservation":8388608},"cpu":{"shares":512,"quota":50000,"period":100000,"cpus":"0"}}`},
	} {
		if got := updated(t, what, busy, c.limits); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", what, got, c.want)
		}
	}
}

func updated(t *testing.T, what, present string, l Limits) string {
	t.Helper()
	var was specs.LinuxResources
	if err := json.Unmarshal([]byte(present), &was); err != nil {
		t.Fatal(err)
	}
	now, err := Update(&was, l, Host{Processors: twoProcessors}, Options{})
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
	after, err := json.Marshal(now)
	if err != nil {
		t.Fatal(err)
	}
	if still, _ := json.Marshal(was); string(still) != present {
		t.Errorf("%s: the present ones became %s", what, still)
	}
	return string(after)
}

func TestUpdateRefuses(t *testing.T) {
	limit, swap, reservation := int64(64<<20), int64(128<<20), int64(32<<20)
	present := &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &limit, Swap: &swap, Reservation: &reservation}}
	for what, c := range map[string]struct {
		limits Limits
		want   string
	}{
		"memory above the swap there is": {Limits{Memory: "256m"}, "--memory 256m: Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time"},
		"below its reservation":          {Limits{Memory: "16m"}, "Minimum memory limit can not be less than memory reservation limit"},
		"swap below its memory":          {Limits{MemorySwap: "32m"}, "Minimum memoryswap limit should be larger than memory limit"},
		"no size":                        {Limits{Memory: "much"}, `--memory "much"`},
		"both kinds of quota":            {Limits{CPUs: "1", CPUQuota: "5000"}, "Conflicting options: Nano CPUs and CPU Quota cannot both be set"},
		"more than there are PIDs":       {Limits{PidsLimit: "99999999999"}, "--pids-limit 99999999999: the kernel takes 4194304 at most"},
		"too few for the small init":     {Limits{PidsLimit: "5"}, "16 is the least"},
	} {
		_, err := Update(present, c.limits, Host{Processors: twoProcessors}, Options{Init: true})
		refused(t, what, err, c.want)
	}
}

// --cpus sets quota and period; to change one of them alone would change what was said.
func TestUpdateRefusesHalfOfAQuota(t *testing.T) {
	const byCPUs, apart = `{"cpu":{"quota":30000,"period":100000}}`, `{"cpu":{"quota":30000,"period":50000}}`
	saidApart := Limits{CPUQuota: "30000", CPUPeriod: "100000"}
	for _, c := range []struct {
		present   string
		made, now Limits
		want      string // "": it is done
	}{
		{byCPUs, Limits{CPUs: "0.3"}, Limits{CPUPeriod: "50000"}, "--cpu-period 50000: Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set"},
		{byCPUs, Limits{}, Limits{CPUPeriod: "50000"}, "CPU Period cannot be updated as NanoCPUs has already been set"},
		{byCPUs, Limits{CPUs: "0.3"}, Limits{CPUQuota: "50000"}, "--cpu-quota 50000: Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set"},
		{byCPUs, Limits{CPUs: "0.3"}, Limits{CPUQuota: "-1"}, ""},
		{byCPUs, Limits{CPUs: "0.3"}, Limits{CPUs: "0.5"}, ""},
		{byCPUs, Limits{CPUs: "0.3"}, Limits{CPUShares: "5"}, ""},
		{`{"cpu":{"quota":-1,"period":100000}}`, Limits{CPUs: "0.3"}, Limits{CPUs: "0.5"}, ""},
		{byCPUs, saidApart, Limits{CPUPeriod: "50000"}, ""},
		{byCPUs, saidApart, Limits{CPUs: "0.5"}, "--cpus 0.5: Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set"},
		{apart, Limits{}, Limits{CPUs: "0.5"}, "Nano CPUs cannot be updated as CPU Period has already been set"},
		{apart, Limits{}, Limits{CPUQuota: "5000"}, ""},
		{`{"cpu":{"quota":30000}}`, Limits{CPUQuota: "30000"}, Limits{CPUs: "0.5"}, "Nano CPUs cannot be updated as CPU Quota has already been set"},
		{`{"cpu":{"shares":5}}`, Limits{}, Limits{CPUs: "0.5"}, ""},
	} {
		var present specs.LinuxResources
		if err := json.Unmarshal([]byte(c.present), &present); err != nil {
			t.Fatal(err)
		}
		_, err := Update(&present, c.now, Host{Processors: twoProcessors}, Options{Limits: c.made})
		if c.want != "" {
			refused(t, c.want, err, c.want)
		} else if err != nil {
			t.Errorf("%s, of %+v: %v", c.present, c.made, err)
		}
	}
}
