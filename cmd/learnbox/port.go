package main

import "fmt"

// PortCmd is "learnbox port".
type PortCmd struct {
	Container string `arg:"" placeholder:"CONTAINER" help:"Name, ID or beginning of an ID."`
	Port      string `arg:"" optional:"" placeholder:"PORT[/PROTO]" help:"Only this port of the container."`
}

// Help is printed below the flags.
func (PortCmd) Help() string {
	return `No container publishes a port yet, so there is none to list.

Examples:
  learnbox port web
  learnbox port web 80/tcp`
}

// Run does the verb.
func (c *PortCmd) Run(a *app) error {
	if _, _, err := a.knownContainer("port", c.Container); err != nil {
		return unknownContainer(err)
	}
	if c.Port != "" {
		return fmt.Errorf("no public port %q published for %s", c.Port, c.Container)
	}
	return nil
}
