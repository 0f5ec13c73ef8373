//go:build !linux

package cp

import (
	"context"
	"errors"
	"io"
	"os"
)

// Host needs Linux.
func Host() (*Root, error) { return nil, errors.ErrUnsupported }

// Inside needs Linux.
func Inside(dir *os.File) *Root { return &Root{dir: dir} }

// Source needs Linux.
func (r *Root) Source(string, bool) (*Source, error) { return nil, errors.ErrUnsupported }

// Target needs Linux.
func (r *Root) Target(string) (*Target, error) { return nil, errors.ErrUnsupported }

// Pack needs Linux.
func (s *Source) Pack(context.Context, io.Writer, string) error { return errors.ErrUnsupported }

// Unpack needs Linux.
func (t *Target) Unpack(context.Context, io.Reader, bool) ([]string, error) {
	return nil, errors.ErrUnsupported
}
