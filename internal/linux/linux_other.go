//go:build !linux

package linux

import "syscall"

func errnoName(syscall.Errno) string { return "" }
