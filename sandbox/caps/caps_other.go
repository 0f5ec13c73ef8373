//go:build !linux

package caps

import "errors"

// The calls below are Linux's own; elsewhere they say so.

// Last is not there on this system.
func Last() (int, error) { return 0, errors.ErrUnsupported }

// Bounding is not there on this system.
func Bounding() (Set, error) { return 0, errors.ErrUnsupported }

// DropBounding is not there on this system.
func DropBounding(Set) error { return errors.ErrUnsupported }

// ClearAmbient is not there on this system.
func ClearAmbient() error { return errors.ErrUnsupported }

// Apply is not there on this system.
func Apply(Set) error { return errors.ErrUnsupported }

// KeepOnSetuid is not there on this system.
func KeepOnSetuid(bool) error { return errors.ErrUnsupported }

// Current is not there on this system.
func Current() (State, error) { return State{}, errors.ErrUnsupported }

// Effective is not there on this system.
func Effective() (Set, error) { return 0, errors.ErrUnsupported }
