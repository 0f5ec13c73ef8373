//go:build !linux

package privtest

import (
	"fmt"
	"runtime"
)

// probeKernel: namespaces, cgroups and overlayfs are Linux.
func probeKernel(string) error { return fmt.Errorf("this is %s, not Linux", runtime.GOOS) }
