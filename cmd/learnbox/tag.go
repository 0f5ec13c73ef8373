package main

import "github.com/learnbox/learnbox/pull/name"

// TagCmd is "learnbox tag".
type TagCmd struct {
	Source string `arg:"" complete:"image" placeholder:"IMAGE" help:"A name or an ID."`
	Target string `arg:"" placeholder:"NAME[:TAG]" help:"The new name."`
}

// Help is printed below the flags.
func (TagCmd) Help() string {
	return `A name costs nothing: both point at the same image. If another image had the
new name, it loses it.

Examples:
  learnbox tag alpine mine
  learnbox tag 48484c17efea registry.example.com/base:v1`
}

// Run does the verb.
func (c *TagCmd) Run(a *app) error {
	ref, err := name.Parse(c.Target)
	if err != nil {
		return err
	}
	// tiny is put into the store by looking for it.
	img, err := a.findImage(a.ctx, c.Source)
	if err != nil {
		return err
	}
	s, err := a.openStore()
	if err != nil {
		return err
	}
	if err := s.Tag(a.ctx, c.Source, ref); err != nil {
		return a.asRoot("write below "+a.root, err)
	}
	a.tellImage("tag", img.ID.String(), ref.Familiar())
	return nil
}
