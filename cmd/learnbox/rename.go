package main

import (
	"errors"
	"fmt"

	"github.com/learnbox/learnbox/lifecycle"
)

// RenameCmd is "learnbox rename".
type RenameCmd struct {
	Container string `arg:"" placeholder:"CONTAINER" help:"Name, ID or beginning of an ID."`
	Name      string `arg:"" placeholder:"NEW_NAME" help:"What it is to be called."`
}

// Help is printed below the flags.
func (RenameCmd) Help() string {
	return `The container may run meanwhile.

Examples:
  learnbox rename busy_kepler web`
}

// Run does the verb.
func (c *RenameCmd) Run(a *app) error {
	all, ct, err := a.knownContainer("rename", c.Container)
	if err != nil {
		return unknownContainer(err)
	}
	err = all.Rename(ct.ID, c.Name)
	if errors.Is(err, lifecycle.ErrNotFound) { // removed meanwhile
		err = unknownContainer(fmt.Errorf("%s: %w", c.Container, err))
	}
	return a.asRoot("rename containers", err)
}

// unknownContainer says which one may have been meant, and where the known ones are.
func unknownContainer(err error) error {
	if !errors.Is(err, lifecycle.ErrNotFound) {
		return err
	}
	hint := "learnbox ps -a lists the containers"
	if unknown, ok := errors.AsType[*lifecycle.UnknownError](err); ok {
		if near := nearest(unknown.Word, unknown.Names); near != "" {
			hint = "did you mean " + near + "? " + hint
		}
	}
	return hintedError{err, hint}
}
