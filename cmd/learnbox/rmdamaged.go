package main

import (
	"errors"

	"github.com/learnbox/learnbox/lifecycle"
)

// isDamaged reports whether a container could be found, but not be read.
func isDamaged(err error) bool {
	_, ok := errors.AsType[*lifecycle.DamagedError](err)
	return ok
}

// removeDamaged kills and removes the container that err is about.
func removeDamaged(all *lifecycle.Containers, err error, volumes bool) error {
	if d, ok := errors.AsType[*lifecycle.DamagedError](err); ok {
		return all.RemoveDamaged(d.ID, volumes)
	}
	return err
}
