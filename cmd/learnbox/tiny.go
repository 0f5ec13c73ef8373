package main

import (
	"context"
	"fmt"

	"github.com/learnbox/learnbox/pull"
	"github.com/learnbox/learnbox/pull/name"
	"github.com/learnbox/learnbox/pull/store"
	"github.com/learnbox/learnbox/pull/tiny"
)

// isTiny reports whether ref is the image embedded in the binary. No registry is
// ever asked for it: it has to work on a machine without a network.
func isTiny(ref name.Ref) bool { return ref.String() == tiny.Name }

// namesTiny is isTiny for what the user wrote.
func namesTiny(word string) bool {
	ref, err := name.Parse(word)
	return err == nil && isTiny(ref)
}

// pullTiny is a pull of it.
func (a *app) pullTiny(ctx context.Context) (img store.Image, err error) {
	err = a.narrate.Run(pull.ResolveStep(), func() error {
		img, err = a.importTiny(ctx)
		return err
	})
	if err == nil {
		a.narrate.Skip(pull.FetchStep())
		_, err = a.flatten(ctx, img)
	}
	return img, err
}

// importTiny puts the embedded image into the store.
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
	return img, nil
}
