//go:build !linux

package linux

import (
	"context"
	"os"
	"syscall"
)

func errnoName(syscall.Errno) string { return "" }

// Readable needs Linux.
func Readable(*os.File) int { return 0 }

// Ended needs Linux: it never hears of an end.
func Ended(context.Context, int) <-chan struct{} { return nil }
