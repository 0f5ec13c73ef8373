//go:build !linux

package volume

import (
	"context"
	"errors"
)

// Fill needs Linux.
func (h *Hold) Fill(context.Context, string, string) error { return errors.ErrUnsupported }
