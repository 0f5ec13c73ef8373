//go:build !linux

package unpack

import (
	"context"
	"errors"

	"github.com/learnbox/learnbox/pull/store"
)

var errNotLinux = errors.New("images are unpacked on Linux only: it takes openat2(2)")

func flatten(context.Context, string, []store.Layer, Options) error { return errNotLinux }

func remove(string) error { return errNotLinux }
