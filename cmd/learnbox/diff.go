package main

import (
	"bufio"
	"fmt"

	"github.com/learnbox/learnbox/narrate"
)

// DiffCmd is "learnbox diff".
type DiffCmd struct {
	Container string `arg:"" placeholder:"CONTAINER" help:"Name, ID or beginning of an ID."`
}

// Help is printed below the flags.
func (DiffCmd) Help() string {
	return `Lists what is other than in the image: A was added, C changed, D deleted. It is
read from the container's upper directory, where overlayfs wrote it down.

Examples:
  learnbox diff web
  sudo ls -l $(learnbox inspect -f '{{.GraphDriver.Data.UpperDir}}' web)`
}

// Run does the verb.
func (c *DiffCmd) Run(a *app) error {
	all, ct, err := a.knownContainer("diff", c.Container)
	if err != nil {
		return unknownContainer(err)
	}
	changes, err := all.Changes(a.ctx, ct)
	if err != nil {
		return a.asRoot("read what a container has written", err)
	}
	w := bufio.NewWriter(a.stdout)
	for _, change := range changes {
		fmt.Fprintf(w, "%c %s\n", change.Kind, narrate.Plain(change.Path))
	}
	return w.Flush()
}
