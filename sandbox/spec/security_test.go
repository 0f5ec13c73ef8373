package spec

import (
	"slices"
	"testing"
)

func TestSecurityOptions(t *testing.T) {
	for what, c := range map[string]struct {
		opts       []string
		privileged bool
		noNewPrivs bool
		seccomp    string
		hides      bool
	}{
		"default":                     {nil, false, false, "", true},
		"no-new-privileges":           {[]string{"no-new-privileges"}, false, true, "", true},
		"=true":                       {[]string{"no-new-privileges=true"}, false, true, "", true},
		":true":                       {[]string{"no-new-privileges:true"}, false, true, "", true},
		":false":                      {[]string{"no-new-privileges", "no-new-privileges:false"}, false, false, "", true},
		"seccomp off":                 {[]string{"seccomp=unconfined"}, false, false, "unconfined", true},
		"seccomp off, old spelling":   {[]string{"seccomp:unconfined"}, false, false, "unconfined", true},
		"seccomp file":                {[]string{"seccomp=/etc/../p.json"}, false, false, "/p.json", true},
		"seccomp file here":           {[]string{"seccomp=p.json"}, false, false, "/home/learner/p.json", true},
		"seccomp builtin":             {[]string{"seccomp=builtin"}, false, false, "", true},
		"privileged":                  {nil, true, false, "unconfined", false},
		"privileged with a filter":    {[]string{"seccomp=p.json"}, true, false, "/home/learner/p.json", false},
		"privileged, no new ones":     {[]string{"no-new-privileges"}, true, true, "unconfined", false},
		"nothing hidden":              {[]string{"systempaths=unconfined"}, false, false, "", false},
		"what learnbox does not have": {[]string{"apparmor=unconfined", "label=disable"}, false, false, "", true},
	} {
		res := must(t, func(in *Input) { in.Options.SecurityOpt, in.Options.Privileged = c.opts, c.privileged })
		if got := res.Spec.Process.NoNewPrivileges; got != c.noNewPrivs {
			t.Errorf("%s: noNewPrivileges %t, want %t", what, got, c.noNewPrivs)
		}
		if got := res.SeccompProfile; got != c.seccomp {
			t.Errorf("%s: seccomp profile %q, want %q", what, got, c.seccomp)
		}
		if res.Spec.Linux.Seccomp != nil {
			t.Errorf("%s: a filter is in config.json already", what)
		}
		masked, readonly := len(res.Spec.Linux.MaskedPaths) > 0, len(res.Spec.Linux.ReadonlyPaths) > 0
		if masked != c.hides || readonly != c.hides {
			t.Errorf("%s: masked %t, read-only %t, want %t", what, masked, readonly, c.hides)
		}
	}
	for _, opt := range []string{
		"", "foo", "foo=bar", "no-new-privileges=maybe", "no-new-privileges=", "seccomp", "seccomp=", "apparmor=docker-default",
		"label=type:x", "systempaths=foo", "seccomp=a\x00b",
	} {
		_, err := with(func(in *Input) { in.Options.SecurityOpt = []string{opt} })
		refused(t, opt, err, "--security-opt")
	}
}

func TestThermalThrottleIsMasked(t *testing.T) {
	const p = "/sys/devices/system/cpu/cpu1/thermal_throttle"
	res := must(t, func(in *Input) { in.Host.ThermalThrottle = []string{p} })
	if !slices.Contains(res.Spec.Linux.MaskedPaths, p) || !slices.Contains(res.Spec.Linux.MaskedPaths, "/proc/kcore") {
		t.Errorf("masked %q", res.Spec.Linux.MaskedPaths)
	}
	res = must(t, func(in *Input) { in.Host.ThermalThrottle, in.Options.Privileged = []string{p}, true })
	if len(res.Spec.Linux.MaskedPaths) > 0 {
		t.Errorf("privileged: masked %q", res.Spec.Linux.MaskedPaths)
	}
}
