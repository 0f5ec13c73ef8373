//go:build !linux

package tty

import (
	"errors"
	"os"
)

// GetSize needs Linux.
func GetSize(*os.File) (Size, error) { return Size{}, errors.ErrUnsupported }
