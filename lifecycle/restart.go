package lifecycle

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A RestartPolicy says when a container's program is started again that has ended.
// The names and the rules are Docker's.
type RestartPolicy struct {
	Name              string // one of those below; "" is RestartNo
	MaximumRetryCount int    `json:",omitempty"` // with RestartOnFailure; 0: any number
}

// The policies.
const (
	RestartNo            = "no"
	RestartOnFailure     = "on-failure"     // when it ends with another code than 0
	RestartAlways        = "always"         // whenever it ends, and after a boot
	RestartUnlessStopped = "unless-stopped" // likewise, but not after a boot if somebody had stopped it
)

// ParseRestartPolicy reads NAME or on-failure:COUNT, and refuses what Docker
// refuses, in its words.
func ParseRestartPolicy(word string) (RestartPolicy, error) {
	name, count, counted := strings.Cut(word, ":")
	p := RestartPolicy{Name: name}
	if counted && name == "" {
		return p, errors.New("invalid restart policy format: no policy provided before colon")
	}
	if count != "" {
		var err error
		if p.MaximumRetryCount, err = strconv.Atoi(count); err != nil {
			return p, errors.New("invalid restart policy format: maximum retry count must be an integer")
		}
	}
	switch name {
	case RestartNo, RestartAlways, RestartUnlessStopped:
		if p.MaximumRetryCount != 0 {
			return p, fmt.Errorf("maximum retry count cannot be used with restart policy '%s'", name)
		}
	case RestartOnFailure:
		if p.MaximumRetryCount < 0 {
			return p, errors.New("maximum retry count cannot be negative")
		}
	default:
		return p, &unknownPolicyError{name}
	}
	return p, nil
}

type unknownPolicyError struct{ name string }

func (e *unknownPolicyError) Error() string {
	return fmt.Sprintf("invalid restart policy '%s'", e.name)
}

// Hint lists those that there are.
func (e *unknownPolicyError) Hint() string {
	return "the policies are no, on-failure[:COUNT], always and unless-stopped"
}

// Any reports whether the policy ever starts anything.
func (p RestartPolicy) Any() bool { return p.Name != "" && p.Name != RestartNo }

// again decides when the program has ended that nobody stopped, with this code and
// after so many restarts.
func (p RestartPolicy) again(code, restarts int) bool {
	switch p.Name {
	case RestartAlways, RestartUnlessStopped:
		return true
	case RestartOnFailure:
		return code != 0 && (p.MaximumRetryCount == 0 || restarts < p.MaximumRetryCount)
	}
	return false
}

// afterBoot decides about a container at rest. One that was never started is left
// alone, and so is one that failed: on-failure is about the program, not about
// the machine.
func (p RestartPolicy) afterBoot(s State) bool {
	switch {
	case s.Status != Exited || s.Started.IsZero():
		return false
	case p.Name == RestartUnlessStopped:
		return !s.Stopped
	}
	return p.Name == RestartAlways
}

// WantsStart reports whether the container's policy starts it after a boot.
func (ct Container) WantsStart() bool { return ct.Restart.afterBoot(ct.State) }

// The pauses before restarts: Docker's.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = time.Minute
	longEnough   = 10 * time.Second // a program that ran for so long is started again as if it were the first time
)

// A backoff is the pause that was made before the last restart, so that a program
// which fails at once does not keep the machine busy.
type backoff time.Duration

// next is the pause after a program that ran for some time.
func (b *backoff) next(ran time.Duration) time.Duration {
	switch pause := 2 * time.Duration(*b); {
	case pause == 0 || ran >= longEnough:
		*b = backoff(firstPause)
	default:
		*b = backoff(min(pause, longestPause))
	}
	return time.Duration(*b)
}
