//go:build !linux

package cgroup

import "errors"

// Detect needs Linux.
func Detect() (Hierarchy, error) {
	return Hierarchy{}, errors.New("control groups exist on Linux only")
}
