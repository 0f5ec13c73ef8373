package lifecycle

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
	"unicode/utf8"
)

// A HealthCheck is how to find out whether a container's program does its work, in
// the words of Docker's extension of the image config.
type HealthCheck struct {
	Test        []string      `json:",omitempty"` // ["NONE"], ["CMD", ARG…] or ["CMD-SHELL", LINE]; none: the image's
	Interval    time.Duration `json:",omitempty"` // from the end of one check to the next
	Timeout     time.Duration `json:",omitempty"`
	StartPeriod time.Duration `json:",omitempty"` // in which failures do not count until a check succeeds
	Retries     int           `json:",omitempty"` // so many failures one after the other are too many
	Shell       []string      `json:",omitempty"` // what runs LINE
}

// Kinds of Test.
const (
	healthNone     = "NONE"
	healthCmd      = "CMD"
	healthCmdShell = "CMD-SHELL"
)

// NoHealthCheck is a container's that wants none, whatever its image has.
func NoHealthCheck() *HealthCheck { return &HealthCheck{Test: []string{healthNone}} }

// ShellHealthCheck is a Test that a shell reads.
func ShellHealthCheck(line string) []string { return []string{healthCmdShell, line} }

// Over fills what a user did not say with what the image says. Each of the two
// may be nil.
func (h *HealthCheck) Over(image *HealthCheck) *HealthCheck {
	switch {
	case h == nil:
		return image
	case image == nil:
		return h
	}
	both := *h
	if len(h.Test) == 0 {
		both.Test = image.Test
	}
	both.Interval = either(h.Interval, image.Interval)
	both.Timeout = either(h.Timeout, image.Timeout)
	both.StartPeriod = either(h.StartPeriod, image.StartPeriod)
	both.Retries = either(h.Retries, image.Retries)
	both.Shell = image.Shell
	return &both
}

// either is a, unless that is nothing.
func either[T comparable](a, b T) T {
	var zero T
	if a != zero {
		return a
	}
	return b
}

// Validate refuses what Docker refuses, in its words.
func (h *HealthCheck) Validate() error {
	if h == nil {
		return nil
	}
	for _, d := range []struct {
		what  string
		value time.Duration
	}{{"Interval", h.Interval}, {"Timeout", h.Timeout}, {"StartPeriod", h.StartPeriod}} {
		if d.value != 0 && d.value < time.Millisecond {
			return fmt.Errorf("%s in Healthcheck cannot be less than 1ms", d.what)
		}
	}
	if h.Retries < 0 {
		return errors.New("Retries in Healthcheck cannot be negative") //nolint:staticcheck // it is the name of a key
	}
	return nil
}

// Argv is the command of a check, or nil if there is nothing to check.
func (h *HealthCheck) Argv() []string {
	if h == nil || len(h.Test) < 2 {
		return nil
	}
	switch h.Test[0] {
	case healthCmd:
		return h.Test[1:]
	case healthCmdShell:
		shell := h.Shell
		if len(shell) == 0 {
			shell = []string{"/bin/sh", "-c"}
		}
		return slices.Concat(shell, h.Test[1:])
	}
	return nil
}

func (h *HealthCheck) interval() time.Duration { return either(h.Interval, 30*time.Second) }
func (h *HealthCheck) timeout() time.Duration  { return either(h.Timeout, 30*time.Second) }
func (h *HealthCheck) retries() int            { return either(h.Retries, 3) }

// Health is what the checks have found out.
type Health struct {
	Status        HealthStatus
	FailingStreak int
	Log           []HealthResult // the last ones
}

// A HealthStatus is Docker's word for it.
type HealthStatus string

// Nobody has a health that is never checked.
const (
	HealthNone      HealthStatus = "none"
	HealthStarting  HealthStatus = "starting"
	HealthHealthy   HealthStatus = "healthy"
	HealthUnhealthy HealthStatus = "unhealthy" // that of one that does not run, too
)

// A HealthResult is one check.
type HealthResult struct {
	Start, End time.Time
	ExitCode   int // 0: healthy; -1: there is none
	Output     string
}

// What is kept of the checks.
const (
	healthLog    = 5    // results
	healthOutput = 4096 // bytes of each
)

// Of is the status of a container that may have no health.
func (h *Health) Of() HealthStatus {
	if h == nil {
		return HealthNone
	}
	return h.Status
}

// begun is the health of a program that has just been started. The results stay
// that its container had before.
func (h *Health) begun() *Health {
	now := &Health{Status: HealthStarting, Log: []HealthResult{}}
	if h != nil {
		now.Log = h.Log
	}
	return now
}

// ended is the health of a container at rest.
func (h *Health) ended() *Health {
	if h == nil {
		return nil
	}
	return &Health{HealthUnhealthy, h.FailingStreak, h.Log}
}

// after is the health after one more check of a program that was started at some time.
func (h *Health) after(r HealthResult, check *HealthCheck, started time.Time) *Health {
	now := &Health{h.Status, h.FailingStreak, append(slices.Clone(h.Log), r)}
	now.Log = now.Log[max(0, len(now.Log)-healthLog):]
	switch {
	case r.ExitCode == 0:
		now.Status, now.FailingStreak = HealthHealthy, 0
	case h.Status == HealthStarting && r.Start.Sub(started) < check.StartPeriod: // does not count
	default:
		now.FailingStreak++
		if now.FailingStreak >= check.retries() {
			now.Status = HealthUnhealthy
		}
	}
	return now
}

// A shortText keeps the beginning of what is written to it, by several writers.
type shortText struct {
	mu   sync.Mutex
	text []byte
	cut  bool
}

func (s *shortText) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	room := min(len(p), healthOutput-len(s.text))
	s.text = append(s.text, p[:room]...)
	s.cut = s.cut || room < len(p)
	return len(p), nil
}

// String ends with dots if there was more, and never within a character.
func (s *shortText) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := s.text
	if !s.cut {
		return string(text)
	}
	for range utf8.UTFMax - 1 {
		if r, size := utf8.DecodeLastRune(text); r != utf8.RuneError || size != 1 {
			break
		}
		text = text[:len(text)-1]
	}
	return string(text) + "..."
}
