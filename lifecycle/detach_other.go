//go:build !linux

package lifecycle

import (
	"context"
	"errors"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// MonitorName is the argv[0] of a monitor's process.
const MonitorName = "learnbox-monitor"

// StartDetached needs Linux.
func (c *Containers) StartDetached(string, StartOptions) ([]string, error) {
	return nil, errors.ErrUnsupported
}

// StartAttached needs Linux.
func (c *Containers) StartAttached(string, StartOptions, bool) (*Attachment, []string, error) {
	return nil, nil, errors.ErrUnsupported
}

type employer struct{}

// CloneDetached needs Linux.
func (*Draft) CloneDetached(context.Context, CloneOptions, bool) error { return errors.ErrUnsupported }

// StartDetached needs Linux.
func (*Draft) StartDetached(context.Context, Record, *specs.Spec, StartOptions) (*Attachment, []string, error) {
	return nil, nil, errors.ErrUnsupported
}

func (*Draft) dismiss() error { return nil }

// RunMonitor needs Linux.
func RunMonitor([]string) int { return 125 }
