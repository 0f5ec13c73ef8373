package main

import (
	"errors"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/sandbox/spec"
)

// UpdateCmd is "learnbox update".
type UpdateCmd struct {
	changeableFlags
	Restart    string   `placeholder:"POLICY" help:"When to start the program again: no, on-failure[:COUNT], always or unless-stopped."`
	Containers []string `arg:"" name:"container" placeholder:"CONTAINER" help:"Names, IDs or beginnings of IDs."`
}

// Help is printed below the flags.
func (UpdateCmd) Help() string {
	return `Changes the limits of containers, of those that run at once. All that is said of
limits is done, or nothing. What is not said, or 0, stays as it is. A restart policy
counts from the next end of the program on.

Examples:
  learnbox update --memory 128m --memory-swap 256m web
  learnbox update --cpus 0.5 --pids-limit 100 web db
  learnbox update --restart unless-stopped web`
}

// Run does the verb.
func (c *UpdateCmd) Run(a *app) error {
	limits := c.changeableFlags != changeableFlags{}
	if !limits && c.Restart == "" {
		return hintedError{errors.New("You must provide one or more flags when using this command."), "see learnbox update --help"} //nolint:revive,staticcheck // Docker's sentence
	}
	var policy lifecycle.RestartPolicy
	if c.Restart != "" {
		var err error
		if policy, err = lifecycle.ParseRestartPolicy(c.Restart); err != nil {
			return err
		}
	}
	host, err := hostFacts()
	if err != nil {
		return err
	}
	return a.each("update", c.Containers, func(all *lifecycle.Containers, ct lifecycle.Container) error {
		if c.Restart != "" {
			if err := all.SetRestart(ct.ID, policy); err != nil || !limits {
				return err
			}
		}
		warnings, err := all.Update(ct.ID, func(present *specs.LinuxResources) (*specs.LinuxResources, error) {
			return spec.Update(present, c.limits(), host, ct.Init)
		})
		for _, w := range warnings {
			a.warn("update", w)
		}
		return err
	})
}
