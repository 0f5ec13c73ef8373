//go:build !linux

package main

import (
	"context"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/explain/whatif"
	"github.com/learnbox/learnbox/lifecycle"
)

func openShield(context.Context, *app, *lifecycle.Containers, *specs.LinuxResources) (*whatif.Shield, func() error, error) {
	return nil, nil, errNotLinux
}
