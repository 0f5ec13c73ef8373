package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/learnbox/learnbox/lifecycle"
)

// watchFlags are Docker's flags for what a container's monitor does besides: start
// the program again, and look after its health.
type watchFlags struct {
	Restart           string        `placeholder:"POLICY" help:"Start the program again when it has ended: no, on-failure[:COUNT], always or unless-stopped."`
	HealthCmd         string        `placeholder:"LINE" help:"A line for the container's shell that tells by its exit code whether the program does its work."`
	HealthInterval    time.Duration `placeholder:"DURATION" help:"Pause between two checks, as in 5s (default the image's, or 30s)."`
	HealthTimeout     time.Duration `placeholder:"DURATION" help:"How long a check may take (default the image's, or 30s)."`
	HealthRetries     int           `placeholder:"COUNT" help:"How many failures one after the other are too many (default the image's, or 3)."`
	HealthStartPeriod time.Duration `placeholder:"DURATION" help:"How long failures do not count after a start (default the image's, or 0s)."`
	NoHealthcheck     bool          `help:"Check nothing, whatever the image says."`
}

// A watch is what the flags and the image say together.
type watch struct {
	restart lifecycle.RestartPolicy
	health  *lifecycle.HealthCheck
}

// needed reports whether there is something to do for a process of its own.
func (w watch) needed() bool { return w.restart.Any() || w.health.Argv() != nil }

// watch reads the flags. A container that goes with its end has no policy.
func (f *watchFlags) watch(rm bool) (w watch, err error) {
	if f.Restart != "" {
		w.restart, err = lifecycle.ParseRestartPolicy(f.Restart)
	}
	if err == nil && rm && w.restart.Any() {
		err = errors.New("conflicting options: cannot specify both --restart and --rm")
	}
	if err == nil {
		w.health, err = f.health()
	}
	return w, err
}

// add adds what the image says.
func (w *watch) add(config []byte) error {
	image, err := imageHealth(config)
	w.health = w.health.Over(image)
	return err
}

// health reads the other flags, as Docker does; nil: they say nothing.
func (f *watchFlags) health() (*lifecycle.HealthCheck, error) {
	for _, d := range []struct {
		flag  string
		value int64
	}{
		{"interval", int64(f.HealthInterval)},
		{"timeout", int64(f.HealthTimeout)},
		{"retries", int64(f.HealthRetries)},
		{"start-period", int64(f.HealthStartPeriod)},
	} {
		if d.value < 0 {
			return nil, fmt.Errorf("--health-%s cannot be negative", d.flag)
		}
	}
	h := lifecycle.HealthCheck{Interval: f.HealthInterval, Timeout: f.HealthTimeout, StartPeriod: f.HealthStartPeriod, Retries: f.HealthRetries}
	said := f.HealthCmd != "" || h.Interval != 0 || h.Timeout != 0 || h.StartPeriod != 0 || h.Retries != 0
	switch {
	case f.NoHealthcheck && said:
		return nil, errors.New("--no-healthcheck conflicts with --health-* options")
	case f.NoHealthcheck:
		return lifecycle.NoHealthCheck(), nil
	case !said:
		return nil, nil //nolint:nilnil // the absence of a wish is an answer
	}
	if f.HealthCmd != "" {
		h.Test = lifecycle.ShellHealthCheck(f.HealthCmd)
	}
	return &h, h.Validate()
}

// imageHealth is the check that an image brings: an extension of Docker's, which the
// OCI specification of images does not know. Few images have one, and the others
// need not be parsed again.
func imageHealth(config []byte) (*lifecycle.HealthCheck, error) {
	if !bytes.Contains(config, []byte(`"Healthcheck"`)) {
		return nil, nil //nolint:nilnil // likewise
	}
	var raw struct {
		Config struct {
			Healthcheck *lifecycle.HealthCheck
			Shell       []string
		} `json:"config"`
	}
	if err := json.Unmarshal(config, &raw); err != nil {
		return nil, fmt.Errorf("read the image's health check: %w", err)
	}
	h := raw.Config.Healthcheck
	if h == nil {
		return nil, nil //nolint:nilnil // likewise
	}
	h.Shell = raw.Config.Shell
	if err := h.Validate(); err != nil {
		return nil, fmt.Errorf("the image's health check: %w", err)
	}
	return h, nil
}
