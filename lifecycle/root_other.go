//go:build !linux

package lifecycle

import (
	"errors"
	"os"
)

// Root needs Linux.
func (c *Containers) Root(Container) (*os.File, func() error, error) {
	return nil, nil, errors.ErrUnsupported
}
