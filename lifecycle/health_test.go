package lifecycle

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestHealthOver(t *testing.T) {
	image := &HealthCheck{Test: []string{"CMD", "/probe"}, Interval: 1, Timeout: 2, StartPeriod: 3, Retries: 4, Shell: []string{"/bin/ash", "-c"}}
	for what, c := range map[string]struct{ user, image, want *HealthCheck }{
		"neither":           {nil, nil, nil},
		"the image alone":   {nil, image, image},
		"the user alone":    {&HealthCheck{Retries: 1}, nil, &HealthCheck{Retries: 1}},
		"the user's test":   {&HealthCheck{Test: ShellHealthCheck("x")}, image, &HealthCheck{ShellHealthCheck("x"), 1, 2, 3, 4, image.Shell}},
		"the user's times":  {&HealthCheck{Interval: 5, Timeout: 6, StartPeriod: 7, Retries: 8}, image, &HealthCheck{image.Test, 5, 6, 7, 8, image.Shell}},
		"the user wants no": {NoHealthCheck(), image, &HealthCheck{[]string{"NONE"}, 1, 2, 3, 4, image.Shell}},
	} {
		if diff := cmp.Diff(c.want, c.user.Over(c.image)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", what, diff)
		}
	}
}

func TestHealthArgv(t *testing.T) {
	for what, c := range map[string]struct {
		check *HealthCheck
		want  []string
	}{
		"no check":           {nil, nil},
		"no test":            {&HealthCheck{Retries: 1}, nil},
		"none":               {NoHealthCheck(), nil},
		"a command":          {&HealthCheck{Test: []string{"CMD", "/probe", "-x"}}, []string{"/probe", "-x"}},
		"an empty command":   {&HealthCheck{Test: []string{"CMD"}}, nil},
		"a line":             {&HealthCheck{Test: ShellHealthCheck("a b")}, []string{"/bin/sh", "-c", "a b"}},
		"a line for a shell": {&HealthCheck{Test: ShellHealthCheck("a b"), Shell: []string{"/ash", "-ec"}}, []string{"/ash", "-ec", "a b"}},
		"an unknown kind":    {&HealthCheck{Test: []string{"HTTP", "x"}}, nil},
	} {
		if diff := cmp.Diff(c.want, c.check.Argv()); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", what, diff)
		}
	}
}

// TestHealthAfter: exit codes of checks, one letter for the status after each.
func TestHealthAfter(t *testing.T) {
	started := time.Unix(1000, 0)
	for what, c := range map[string]struct {
		check HealthCheck
		codes []int
		want  string // s(tarting) h(ealthy) u(nhealthy), and the streak
	}{
		"success":                         {HealthCheck{}, []int{0, 0}, "h0 h0"},
		"three failures by default":       {HealthCheck{}, []int{1, 1, 1, 1}, "s1 s2 u3 u4"},
		"one failure is forgiven":         {HealthCheck{Retries: 2}, []int{0, 1, 0, 1, 1, 0}, "h0 h1 h0 h1 u2 h0"},
		"no code is a failure":            {HealthCheck{Retries: 1}, []int{-1}, "u1"},
		"the start period counts none":    {HealthCheck{Retries: 1, StartPeriod: 3 * time.Second}, []int{1, 1, 1, 1}, "s0 s0 u1 u2"},
		"but ends with the first success": {HealthCheck{Retries: 1, StartPeriod: time.Hour}, []int{1, 0, 1}, "s0 h0 u1"},
	} {
		h := (*Health)(nil).begun()
		var got []string
		for i, code := range c.codes {
			h = h.after(HealthResult{Start: started.Add(time.Duration(i+1) * time.Second), ExitCode: code}, &c.check, started)
			got = append(got, fmt.Sprintf("%c%d", h.Status[0], h.FailingStreak))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v gives %v, want %s", what, c.codes, got, c.want)
		}
	}
}

func TestHealthKeepsFiveResults(t *testing.T) {
	h := (*Health)(nil).begun()
	for code := range 7 {
		h = h.after(HealthResult{ExitCode: code}, &HealthCheck{}, time.Time{})
	}
	again := h.ended().begun()
	if again.Status != HealthStarting || again.FailingStreak != 0 || len(again.Log) != 5 || again.Log[0].ExitCode != 2 {
		t.Errorf("after seven checks and a start: %+v, want the last five of them", again)
	}
	if (*Health)(nil).ended() != nil || (*Health)(nil).Of() != HealthNone || h.ended().Of() != HealthUnhealthy {
		t.Error("who is at rest is unhealthy, and who is never checked has no health")
	}
}

func TestShortText(t *testing.T) {
	for what, c := range map[string]struct{ write, want string }{
		"short":         {"abc", "abc"},
		"just":          {strings.Repeat("a", 4096), strings.Repeat("a", 4096)},
		"long":          {strings.Repeat("a", 4097), strings.Repeat("a", 4096) + "..."},
		"cut character": {strings.Repeat("a", 4094) + "€€", strings.Repeat("a", 4094) + "..."},
		"no characters": {strings.Repeat("\xff", 5000), strings.Repeat("\xff", 4093) + "..."},
	} {
		var s shortText
		for _, part := range []string{c.write[:1], c.write[1:]} {
			if n, err := s.Write([]byte(part)); n != len(part) || err != nil {
				t.Errorf("%s: Write = %d, %v", what, n, err)
			}
		}
		if s.String() != c.want {
			t.Errorf("%s: %d bytes, want %d", what, len(s.String()), len(c.want))
		}
	}
}
