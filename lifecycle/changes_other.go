//go:build !linux

package lifecycle

import (
	"context"
	"errors"
)

// Changes needs overlayfs.
func (c *Containers) Changes(context.Context, Container) ([]Change, error) {
	return nil, errors.ErrUnsupported
}
