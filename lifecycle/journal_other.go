//go:build !linux

package lifecycle

import (
	"context"
	"errors"
)

// Follow needs Linux.
func (j Journal) Follow(context.Context, func(Event)) error { return errors.ErrUnsupported }
