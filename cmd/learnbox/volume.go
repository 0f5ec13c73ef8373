package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/lifecycle/volume"
)

// VolumeCmd holds the verbs about volumes.
type VolumeCmd struct {
	Create  VolumeCreateCmd  `cmd:"" help:"Make a volume"`
	Inspect VolumeInspectCmd `cmd:"" help:"Show everything that is known about a volume, as JSON"`
	Ls      VolumeLsCmd      `cmd:"" aliases:"list" help:"List volumes"`
	Prune   VolumePruneCmd   `cmd:"" help:"Remove all volumes that no container uses"`
	Rm      VolumeRmCmd      `cmd:"" aliases:"remove" help:"Remove volumes"`
}

// Help is printed below the verbs.
func (VolumeCmd) Help() string {
	return `A volume is a directory that outlives the containers that it is mounted into.

Examples:
  learnbox volume create data
  learnbox run --rm -v data:/data tiny sh -c 'date >>/data/log'
  learnbox volume rm data`
}

// VolumeCreateCmd is "learnbox volume create".
type VolumeCreateCmd struct {
	Driver string   `short:"d" default:"local" placeholder:"DRIVER" help:"The only driver is local."`
	Label  []string `sep:"none" placeholder:"NAME[=VALUE]" help:"A label of the volume."`
	Name   string   `arg:"" optional:"" placeholder:"NAME" help:"Its name; without one it is anonymous."`
}

// Help is printed below the flags.
func (VolumeCreateCmd) Help() string {
	return `A volume with the name that is there already stays as it is.

Examples:
  learnbox volume create data
  learnbox volume create --label tier=db data`
}

// Run does the verb.
func (c *VolumeCreateCmd) Run(a *app) error {
	if c.Driver != "local" {
		return hintedError{
			fmt.Errorf("create %s: error looking up volume plugin %s: plugin %q not found", c.Name, c.Driver, c.Driver),
			"the only driver is local",
		}
	}
	v := volume.Volume{Name: c.Name, Created: time.Now().UTC()}
	for _, l := range c.Label {
		if v.Labels == nil {
			v.Labels = map[string]string{}
		}
		name, value, _ := strings.Cut(l, "=")
		v.Labels[name] = value
	}
	if v.Name == "" {
		v.Name = lifecycle.NewVolumeName()
		if v.Labels == nil {
			v.Labels = map[string]string{}
		}
		v.Labels[volume.AnonymousLabel] = ""
	}
	unix.Umask(0o022)
	if err := a.volumes().Sweep(); err != nil {
		a.warn("volume create", err.Error())
	}
	if err := a.volumes().Create(v); err != nil {
		return a.fullDisk(a.asRoot("make volumes", err))
	}
	fmt.Fprintln(a.stdout, v.Name)
	return nil
}

// VolumeRmCmd is "learnbox volume rm".
type VolumeRmCmd struct {
	Force   bool     `short:"f" help:"Do not complain about volumes that are not there."`
	Volumes []string `arg:"" name:"volume" placeholder:"VOLUME" help:"Names of volumes."`
}

// Help is printed below the flags.
func (VolumeRmCmd) Help() string {
	return `What is in the volume goes with it. One that a container uses, running or not, is
not removed.

Examples:
  learnbox volume rm data
  learnbox volume rm $(learnbox volume ls -q -f dangling=true)`
}

// Run does the verb. One volume that cannot be removed does not keep the others.
func (c *VolumeRmCmd) Run(a *app) error {
	all, err := a.volumeUsers("volume rm")
	if err != nil {
		return err
	}
	var failed []error
	for _, name := range c.Volumes {
		err := all.RemoveVolume(name)
		if c.Force && errors.Is(err, volume.ErrNotFound) {
			err = nil
		}
		if err != nil {
			failed = append(failed, a.asRoot("remove volumes", unknownVolume(err)))
			continue
		}
		fmt.Fprintln(a.stdout, name)
	}
	return errors.Join(failed...)
}

// volumeUsers opens the containers, which use the volumes, and clears away what dead
// commands left of both.
func (a *app) volumeUsers(verb string) (*lifecycle.Containers, error) {
	all, err := a.containers(verb)
	if err != nil {
		return nil, a.asRoot("read the volumes", err)
	}
	if err := all.Sweep(); err != nil {
		a.warn(verb, err.Error())
	}
	return all, nil
}

// unknownVolume says where the known ones are.
func unknownVolume(err error) error {
	if errors.Is(err, volume.ErrNotFound) {
		return hintedError{err, "learnbox volume ls lists the volumes"}
	}
	return err
}

// VolumeInspectCmd is "learnbox volume inspect".
type VolumeInspectCmd struct {
	Format string   `short:"f" placeholder:"FORMAT" help:"json, or a Go template."`
	Names  []string `arg:"" name:"volume" placeholder:"VOLUME" help:"What to look at."`
}

// Help is printed below the flags.
func (VolumeInspectCmd) Help() string {
	return `Examples:
  learnbox volume inspect data
  sudo ls -l "$(learnbox volume inspect -f '{{.Mountpoint}}' data)"`
}

// Run does the verb. What is unknown is complained about after the rest was shown.
func (c *VolumeInspectCmd) Run(a *app) error {
	return (&InspectCmd{Format: c.Format, Type: "volume", Names: c.Names}).Run(a)
}

// volumeReport is a volume in Docker's words, in the order in which it prints them.
type volumeReport struct {
	CreatedAt  string
	Driver     string
	Labels     map[string]string
	Mountpoint string
	Name       string
	Options    map[string]string
	Scope      string
}

// inspectVolume is what inspect shows about one volume.
func (a *app) inspectVolume(name string) (any, error) {
	v, err := a.volumes().Get(name)
	if err != nil {
		return nil, a.asRoot("read the volumes", unknownVolume(err))
	}
	return volumeReport{
		CreatedAt: v.Created.Format(time.RFC3339), Driver: "local", Labels: v.Labels,
		Mountpoint: a.volumes().Data(v.Name), Name: v.Name, Scope: "local",
	}, nil
}
