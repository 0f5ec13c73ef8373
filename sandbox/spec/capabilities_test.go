package spec

import (
	"slices"
	"strings"
	"testing"

	"github.com/learnbox/learnbox/sandbox/caps"
)

// granted returns the bounding set, after checking that the others are as they must be.
func granted(t *testing.T, what string, res Result) caps.Set {
	t.Helper()
	c := res.Spec.Process.Capabilities
	if len(c.Inheritable)+len(c.Ambient) > 0 {
		t.Errorf("%s: inheritable %v and ambient %v must be empty (CVE-2022-29162)", what, c.Inheritable, c.Ambient)
	}
	effective := c.Bounding
	if res.Spec.Process.User.UID != 0 {
		effective = nil
	}
	if !slices.Equal(c.Effective, effective) || !slices.Equal(c.Permitted, effective) {
		t.Errorf("%s: effective %v, permitted %v, want %v", what, c.Effective, c.Permitted, effective)
	}
	s, err := caps.ParseAll(c.Bounding)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCapabilities(t *testing.T) {
	const dockerMask = 0xa80425fb
	for what, c := range map[string]struct {
		change func(*Options)
		want   caps.Set
	}{
		"default":                     {func(*Options) {}, dockerMask},
		"another user":                {func(o *Options) { o.User = "1000" }, dockerMask},
		"one more":                    {func(o *Options) { o.CapAdd = []string{"sys_time"} }, dockerMask | 1<<25},
		"one less":                    {func(o *Options) { o.CapDrop = []string{"CAP_CHOWN"} }, dockerMask &^ 1},
		"none":                        {func(o *Options) { o.CapDrop = []string{"ALL"} }, 0},
		"all":                         {func(o *Options) { o.CapAdd = []string{"ALL"} }, caps.All()},
		"privileged":                  {func(o *Options) { o.Privileged = true }, caps.All()},
		"privileged, drops forgotten": {func(o *Options) { o.Privileged, o.CapDrop = true, []string{"ALL"} }, caps.All()},
		"privileged, another user":    {func(o *Options) { o.Privileged, o.User = true, "nobody" }, caps.All()},
	} {
		res := must(t, func(in *Input) { c.change(&in.Options) })
		if got := granted(t, what, res); got != c.want {
			t.Errorf("%s: granted %v, want %v", what, got, c.want)
		}
		if len(res.Warnings) > 0 {
			t.Errorf("%s: warnings %q", what, res.Warnings)
		}
	}
	for _, o := range []Options{{CapAdd: []string{"NOPE"}}, {CapDrop: []string{"NOPE"}}, {CapDrop: []string{"NOPE"}, Privileged: true}} {
		_, err := with(func(in *Input) { in.Options = o })
		refused(t, "an unknown name", err, `unknown capability "NOPE"`)
		if hint(err) == "" {
			t.Error("an unknown name: no hint")
		}
	}
}

func TestCapabilitiesAreCutDownToTheHosts(t *testing.T) {
	const resource, chown = caps.Set(1 << 24), caps.Set(1)
	for what, c := range map[string]struct {
		host     caps.Set
		last     int
		options  Options
		want     caps.Set
		warnings []string // words of each
	}{
		"a host without, not asked for": {caps.All() &^ resource, 40, Options{}, caps.Default(), nil},
		"a host without, asked for": {
			caps.All() &^ resource, 40,
			Options{CapAdd: []string{"SYS_RESOURCE", "SYS_TIME"}},
			caps.Default() | 1<<25,
			[]string{"not granted, because learnbox does not have it itself: CAP_SYS_RESOURCE"},
		},
		"a host without, privileged": {
			caps.All() &^ resource, 40,
			Options{Privileged: true},
			caps.All() &^ resource,
			[]string{"not granted, because learnbox does not have it itself: CAP_SYS_RESOURCE"},
		},
		"a default is missing": {
			caps.All() &^ chown, 40,
			Options{},
			caps.Default() &^ chown,
			[]string{"missing from the usual capabilities, because learnbox does not have it itself: CAP_CHOWN"},
		},
		"one of each": {
			caps.All() &^ chown &^ resource, 40,
			Options{CapAdd: []string{"SYS_RESOURCE"}},
			caps.Default() &^ chown,
			[]string{"CAP_SYS_RESOURCE", "CAP_CHOWN"},
		},
		"a default dropped anyway":                          {caps.All() &^ chown, 40, Options{CapDrop: []string{"CHOWN"}}, caps.Default() &^ chown, nil},
		"an older kernel has fewer, and nothing is refused": {caps.UpTo(37), 37, Options{Privileged: true}, caps.UpTo(37), nil},
		"a newer kernel has more, and they are not given":   {caps.UpTo(45), 45, Options{Privileged: true}, caps.All(), nil},
		"a host with nothing":                               {0, 40, Options{}, 0, []string{"CAP_CHOWN, CAP_DAC_OVERRIDE"}},
	} {
		res := must(t, func(in *Input) {
			in.Host.Capabilities, in.Host.LastCapability, in.Options = c.host.Names(), c.last, c.options
		})
		if got := granted(t, what, res); got != c.want {
			t.Errorf("%s: granted %v, want %v", what, got, c.want)
		}
		if len(res.Warnings) != len(c.warnings) {
			t.Errorf("%s: warnings %q, want %d", what, res.Warnings, len(c.warnings))
			continue
		}
		for i, w := range c.warnings {
			if !strings.Contains(res.Warnings[i], w) {
				t.Errorf("%s: warning %q, want %q in it", what, res.Warnings[i], w)
			}
		}
	}
}
