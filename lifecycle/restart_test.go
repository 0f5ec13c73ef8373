package lifecycle

import (
	"testing"
	"time"
)

func TestParseRestartPolicy(t *testing.T) {
	for word, want := range map[string]RestartPolicy{
		"no":               {Name: RestartNo},
		"always":           {Name: RestartAlways},
		"always:0":         {Name: RestartAlways},
		"unless-stopped":   {Name: RestartUnlessStopped},
		"on-failure":       {Name: RestartOnFailure},
		"on-failure:":      {Name: RestartOnFailure},
		"on-failure:3":     {Name: RestartOnFailure, MaximumRetryCount: 3},
		"unless-stopped:0": {Name: RestartUnlessStopped},
	} {
		if got, err := ParseRestartPolicy(word); got != want || err != nil {
			t.Errorf("ParseRestartPolicy(%q) = %v, %v, want %v", word, got, err, want)
		}
	}
	for word, want := range map[string]string{
		":3":               "invalid restart policy format: no policy provided before colon",
		"on-failure:x":     "invalid restart policy format: maximum retry count must be an integer",
		"on-failure:1:2":   "invalid restart policy format: maximum retry count must be an integer",
		"on-failure:-1":    "maximum retry count cannot be negative",
		"always:1":         "maximum retry count cannot be used with restart policy 'always'",
		"no:-1":            "maximum retry count cannot be used with restart policy 'no'",
		"unless-stopped:2": "maximum retry count cannot be used with restart policy 'unless-stopped'",
		"Always":           "invalid restart policy 'Always'",
		"":                 "invalid restart policy ''",
	} {
		if _, err := ParseRestartPolicy(word); err == nil || err.Error() != want {
			t.Errorf("ParseRestartPolicy(%q) = %v, want %s", word, err, want)
		}
	}
}

func TestAgain(t *testing.T) {
	for what, c := range map[string]struct {
		policy         RestartPolicy
		code, restarts int
		want           bool
	}{
		"no policy":                {RestartPolicy{}, 1, 0, false},
		"no":                       {RestartPolicy{Name: RestartNo}, 1, 0, false},
		"always, a success":        {RestartPolicy{Name: RestartAlways}, 0, 99, true},
		"unless-stopped":           {RestartPolicy{Name: RestartUnlessStopped}, 137, 99, true},
		"on-failure, a success":    {RestartPolicy{Name: RestartOnFailure}, 0, 0, false},
		"on-failure, any number":   {RestartPolicy{Name: RestartOnFailure}, 1, 99, true},
		"on-failure, the last":     {RestartPolicy{RestartOnFailure, 2}, 1, 1, true},
		"on-failure, one too much": {RestartPolicy{RestartOnFailure, 2}, 1, 2, false},
	} {
		if got := c.policy.again(c.code, c.restarts); got != c.want {
			t.Errorf("%s: again(%d, %d) = %v, want %v", what, c.code, c.restarts, got, c.want)
		}
	}
}

func TestAfterBoot(t *testing.T) {
	started := time.Unix(1, 0)
	ran, stopped, never := State{Status: Exited, Started: started}, State{Status: Exited, Started: started, Stopped: true}, State{Status: Created}
	for what, c := range map[string]struct {
		policy string
		state  State
		want   bool
	}{
		"always, it ran":                   {RestartAlways, ran, true},
		"always, somebody stopped it":      {RestartAlways, stopped, true},
		"always, it was never started":     {RestartAlways, never, false},
		"always, it runs":                  {RestartAlways, State{Status: Running, Started: started}, false},
		"always, it could not be started":  {RestartAlways, State{Status: Exited, ExitCode: 127}, false},
		"unless-stopped, it ran":           {RestartUnlessStopped, ran, true},
		"unless-stopped, somebody did":     {RestartUnlessStopped, stopped, false},
		"on-failure is not about machines": {RestartOnFailure, ran, false},
		"no":                               {RestartNo, ran, false},
		"none":                             {"", ran, false},
	} {
		ct := Container{Record: Record{Restart: RestartPolicy{Name: c.policy}}, State: c.state}
		if got := ct.WantsStart(); got != c.want {
			t.Errorf("%s: WantsStart() = %v, want %v", what, got, c.want)
		}
	}
}

func TestBackoff(t *testing.T) {
	var b backoff
	for i, ms := range []int64{100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000} {
		if got := b.next(time.Second).Milliseconds(); got != ms {
			t.Errorf("pause %d is %d ms, want %d", i, got, ms)
		}
	}
	if got := b.next(9999 * time.Millisecond); got != time.Minute {
		t.Errorf("after 9.999 s the pause is %v, want a minute", got)
	}
	if got := b.next(10 * time.Second); got != 100*time.Millisecond {
		t.Errorf("after 10 s the pause is %v, want 100ms", got)
	}
	if got := b.next(0); got != 200*time.Millisecond {
		t.Errorf("and then %v, want 200ms", got)
	}
}

// TestStates: each state answers to each deed with a refusal or with nothing.
func TestStates(t *testing.T) {
	may := map[Deed][]Status{
		ToPause: {Running}, ToResume: {Paused}, ToEnter: {Running}, ToAttach: {Running}, ToWatch: {Running, Paused},
		ToStart: {Created, Running, Paused, Restarting, Exited}, // what runs is in a lock's care
	}
	for deed, allowed := range may {
		ok := map[Status]bool{}
		for _, s := range allowed {
			ok[s] = true
		}
		for _, s := range []Status{Created, Running, Paused, Restarting, Exited, Dead} {
			if err := s.Refuses(deed); (err == nil) != ok[s] {
				t.Errorf("a container that is %s says to %s: %v", s, deed, err)
			}
		}
	}
}
