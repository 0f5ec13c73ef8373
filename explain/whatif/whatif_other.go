//go:build !linux

package whatif

import (
	"context"
	"encoding/json"
	"errors"
	"os"
)

// A Shield cannot be built here.
type Shield struct{}

// Start needs Linux.
func Start(context.Context, Setup, any, *os.File) (*Shield, error) { return nil, errors.ErrUnsupported }

// Do needs Linux.
func (*Shield) Do(context.Context, any, any) error { return errors.ErrUnsupported }

// Fact needs Linux.
func (*Shield) Fact(string) (string, error) { return "", errors.ErrUnsupported }

// Close needs Linux.
func (*Shield) Close() error { return nil }

// Inside needs Linux.
func Inside([]string, func(json.RawMessage) any) error { return errors.ErrUnsupported }
