package lifecycle

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"time"

	"github.com/learnbox/learnbox/lifecycle/volume"
)

// A MountedVolume is one that a container uses.
type MountedVolume struct {
	Name, Destination string
	Anonymous         bool `json:",omitempty"` // it may go with the container
}

// A WantedVolume is one that a container is to use.
type WantedVolume struct {
	MountedVolume
	Labels map[string]string // if it has to be made
	Copy   bool              // while it is empty, it is filled from the image
}

// NewVolumeName is a name that no volume has.
func NewVolumeName() string { return newID() }

// Volumes are all volumes of the same data root.
func (c *Containers) Volumes() volume.Store {
	return volume.Open(filepath.Join(filepath.Dir(c.data), "volumes"))
}

// Attach makes and fills the volumes that a draft's container will use, and holds them until
// the container's files name them. Anonymous ones are written down before they are made:
// then Repair finds them if this process is killed.
func (d *Draft) Attach(ctx context.Context, wanted []WantedVolume, lower string) error {
	if len(wanted) == 0 {
		return nil
	}
	store := d.all.Volumes()
	for _, w := range wanted {
		d.volumes = append(d.volumes, w.MountedVolume)
	}
	_ = store.Sweep() // what cannot be removed is said by the verbs about volumes
	if err := d.all.draftVolumes(d.ID, d.volumes); err != nil {
		return err
	}
	for _, w := range wanted {
		v := volume.Volume{Name: w.Name, Created: time.Now().UTC(), Labels: w.Labels}
		hold, err := store.Hold(ctx, v)
		if err != nil {
			return err
		}
		d.holds = append(d.holds, hold)
		if w.Copy {
			if err := hold.Fill(ctx, lower, w.Destination); err != nil {
				return err
			}
		}
	}
	return nil
}

// Mounted are the volumes that were attached.
func (d *Draft) Mounted() []MountedVolume { return d.volumes }

// letGo ends the hold on the draft's volumes.
func (d *Draft) letGo() error {
	var errs []error
	for _, h := range d.holds {
		errs = append(errs, h.Release())
	}
	d.holds = nil
	return errors.Join(errs...)
}

// draftVolumes writes down which anonymous volumes are being made for a draft.
func (c *Containers) draftVolumes(id string, volumes []MountedVolume) error {
	if !slices.ContainsFunc(volumes, func(v MountedVolume) bool { return v.Anonymous }) {
		return nil
	}
	return c.write(Record{ID: id}, "volumes", volumes)
}

// drafted are the volumes that a dead draft may have made.
func (c *Containers) drafted(id string) []MountedVolume {
	var volumes []MountedVolume
	_ = readJSON(c.file(id, "volumes"), &volumes) // there is none, or it was not whole before the first of them
	return volumes
}

// removeAnonymous removes a container's anonymous volumes, all but those that another one
// uses: it removes them in its turn.
func (c *Containers) removeAnonymous(id string, volumes []MountedVolume) error {
	var errs []error
	for _, v := range volumes {
		if !v.Anonymous {
			continue
		}
		err := c.Volumes().Remove(v.Name, func() ([]string, error) {
			by, err := c.UsersOf(v.Name)
			return slices.DeleteFunc(by, func(user string) bool { return user == id }), err
		})
		if _, used := errors.AsType[*volume.InUseError](err); !used && !errors.Is(err, volume.ErrNotFound) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// UsersOf are the IDs of the containers that use a volume, running or not. A damaged one of
// which nothing tells its volumes may use it, too: it is among them.
func (c *Containers) UsersOf(name string) ([]string, error) {
	list, err := c.List()
	var ids []string
	for _, ct := range list {
		uses := slices.ContainsFunc(ct.Volumes, func(v MountedVolume) bool { return v.Name == name })
		if uses || ct.Damage != nil && ct.Damage.NoVolumes {
			ids = append(ids, ct.ID)
		}
	}
	return ids, err
}

// RemoveVolume removes a volume that no container uses.
//
// Errors: volume.ErrNotFound, *volume.InUseError.
func (c *Containers) RemoveVolume(name string) error {
	return c.Volumes().Remove(name, func() ([]string, error) { return c.UsersOf(name) })
}
