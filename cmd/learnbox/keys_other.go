//go:build !linux

package main

import "github.com/learnbox/learnbox/explain/stop"

// keys needs Linux, as runs do.
func (a *app) keys() func() (<-chan stop.Verdict, func()) { return nil }
