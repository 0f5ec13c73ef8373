//go:build !linux

package lifecycle

import "errors"

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

// RunMonitor needs Linux.
func RunMonitor() int { return 125 }
