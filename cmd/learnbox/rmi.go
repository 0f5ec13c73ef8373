package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	digest "github.com/opencontainers/go-digest"

	"github.com/learnbox/learnbox/pull/name"
	"github.com/learnbox/learnbox/pull/store"
	"github.com/learnbox/learnbox/unpack"
)

// RmiCmd is "learnbox rmi".
type RmiCmd struct {
	Force  bool     `short:"f" help:"Remove the image with all its names, even if a container uses it."`
	Images []string `arg:"" name:"image" complete:"image" placeholder:"IMAGE" help:"Names or IDs."`
}

// Help is printed below the flags.
func (RmiCmd) Help() string {
	return `A name that is not the last one of its image is only untagged. With the last
name the image goes, and its unpacked files with it unless another image has
the same layers.

Examples:
  learnbox rmi alpine:3.20
  learnbox rmi -f 48484c17efea
  learnbox rmi $(learnbox images -q)`
}

// imageUsers names the containers that stand on an image. It is all that rmi
// knows about containers. The error joins those of which nobody can tell.
type imageUsers func(ctx context.Context, image digest.Digest) (containers []string, err error)

// Run does the verb. One image that cannot be removed does not keep the others.
func (c *RmiCmd) Run(a *app) error {
	s, err := a.openStore()
	if err != nil {
		return err
	}
	var failed []error
	for _, word := range c.Images {
		if err := c.remove(a, s, word); err != nil {
			failed = append(failed, a.asRoot("write below "+a.root, err))
		}
	}
	return errors.Join(failed...)
}

// remove takes away what one word means: a name, or with the last name the image.
func (c *RmiCmd) remove(a *app, s *store.Store, word string) error {
	img, err := s.Find(a.ctx, word)
	if err != nil {
		return err
	}
	users, unknown := a.usersOf(img)
	if !c.Force && (len(img.Names) < 2 || isID(img, word)) {
		if err := inUse(img, users, unknown); err != nil {
			return err
		}
	}
	removed, err := s.Remove(a.ctx, word, c.Force)
	for _, n := range removed.Untagged {
		a.tellImage("untag", img.ID.String(), n)
	}
	if removed.Image != nil {
		a.tellImage("delete", img.ID.String(), img.ID.String())
	}
	for _, line := range removed.Lines() {
		fmt.Fprintln(a.stdout, line)
	}
	if err != nil || removed.Image == nil || len(users) > 0 || unknown != nil {
		return err // containers stand on the files of an image that was forced to go
	}
	return a.removeFiles(s, *removed.Image)
}

// inUse says why an image cannot go, or nothing.
func inUse(img store.Image, users []string, unknown error) error {
	if len(users) == 0 {
		return unknown
	}
	return hintedError{
		err:  fmt.Errorf("image %s is used by container %s", shortID(img.ID), strings.Join(users, " ")),
		hint: "learnbox rm " + strings.Join(users, " "),
	}
}

// usersOf names the containers that stand on img.
func (a *app) usersOf(img store.Image) ([]string, error) {
	if a.imageUsers == nil {
		return nil, nil
	}
	return a.imageUsers(a.ctx, img.ID)
}

// isID reports whether word means img by its ID and by no name.
func isID(img store.Image, word string) bool {
	ref, err := name.Parse(word)
	if err != nil {
		return true
	}
	full := ref.String()
	return !slices.Contains(img.Names, full) && !slices.Contains(img.RepoDigests, full)
}

// removeFiles takes the root filesystem of an image away that is gone, unless
// another image consists of the same layers.
func (a *app) removeFiles(s *store.Store, img store.Image) error {
	path, ok := unpack.Path(a.rootfsDir(), img.Layers)
	if !ok {
		return nil
	}
	others, err := s.Images(a.ctx)
	if err != nil {
		return err
	}
	for _, o := range others {
		if shared, _ := unpack.Path(a.rootfsDir(), o.Layers); shared == path {
			return nil
		}
	}
	if err := unpack.Remove(path); err != nil {
		return err
	}
	if err := os.Remove(a.sizeFile(path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget the size of image %s: %w", shortID(img.ID), err)
	}
	return nil
}
