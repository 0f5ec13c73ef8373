//go:build !linux

package privtest

import "testing"

// takeTurn has nothing to wait for: no test with privileges runs here.
func takeTurn(testing.TB) {}

// snapshot sees nothing.
func snapshot() (trace, error) { return trace{}, nil }
