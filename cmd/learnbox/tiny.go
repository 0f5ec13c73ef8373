package main

import (
	"context"
	"fmt"

	"github.com/learnbox/learnbox/pull/name"
	"github.com/learnbox/learnbox/pull/store"
	"github.com/learnbox/learnbox/pull/tiny"
)

// isTiny reports whether ref is the image embedded in the binary. No registry is
// ever asked for it: it has to work on a machine without a network.
func isTiny(ref name.Ref) bool { return ref.String() == tiny.Name }

// importTiny puts the embedded image into the store and unpacks it.
func (a *app) importTiny(ctx context.Context) (store.Image, error) {
	ref, err := name.Parse(tiny.Name)
	if err != nil {
		return store.Image{}, fmt.Errorf("read the name %s: %w", tiny.Name, err)
	}
	layout, err := tiny.Layout()
	if err != nil {
		return store.Image{}, err
	}
	s, err := a.openStore() //nolint:contextcheck // store.Open makes a directory, which nobody cancels
	if err != nil {
		return store.Image{}, err
	}
	img, err := s.Import(ctx, layout, ref)
	if err != nil {
		return store.Image{}, a.asRoot("write below "+a.root, err)
	}
	if _, err := a.flatten(ctx, img); err != nil {
		return store.Image{}, err
	}
	return img, nil
}
