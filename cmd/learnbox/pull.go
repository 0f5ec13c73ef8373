package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/docker/go-units"
	digest "github.com/opencontainers/go-digest"

	"github.com/learnbox/learnbox/pull"
	"github.com/learnbox/learnbox/pull/name"
	"github.com/learnbox/learnbox/pull/store"
	"github.com/learnbox/learnbox/unpack"
)

// PullCmd is "learnbox pull".
type PullCmd struct {
	Quiet       bool   `short:"q" help:"Print nothing but the full name of each image."`
	Platform    string `placeholder:"OS/ARCH[/VARIANT]" help:"Take the image for this platform, not for this machine."`
	MaxUnpacked string `placeholder:"SIZE" help:"Give up on an image that unpacks to more (default 32g)."`
	explainFlags
	Names []string `arg:"" name:"name" complete:"image" placeholder:"NAME[:TAG|@DIGEST]" help:"Images to download."`
}

// Help is printed below the flags.
func (PullCmd) Help() string {
	return `A name without a registry is Docker Hub's, a name without a tag means "latest".
Every byte is checked against the digests in the manifest, and the layers are
unpacked while they arrive, so that the first run need not wait.

Examples:
  learnbox pull alpine
  learnbox pull alpine:3.20 busybox:1.38.0
  learnbox pull quay.io/centos7/httpd-24-centos7
  learnbox pull --platform linux/386 alpine
  learnbox pull alpine@sha256:85992a05…
  learnbox --registry-mirror http://127.0.0.1:5000 pull alpine`
}

// Run does the verb. One image that cannot be had does not keep the others away.
func (c *PullCmd) Run(a *app) error {
	if err := a.limitUnpacked(c.MaxUnpacked); err != nil {
		return err
	}
	told, err := c.tell(a.ctx, a, strings.Join(c.Names, " "), c.Quiet, &stopFlags{})
	if err != nil {
		return err
	}
	defer told()
	var failed []error
	for _, word := range c.Names {
		if _, err := a.pull(a.ctx, word, c.Platform, newPullOutput(a.stdout, c.Quiet)); err != nil {
			failed = append(failed, err)
		}
		if a.ctx.Err() != nil {
			break
		}
	}
	return errors.Join(failed...)
}

// pull brings the image that word names into the store and unpacks it.
func (a *app) pull(ctx context.Context, word, platform string, out *pullOutput) (store.Image, error) {
	ref, err := name.Parse(word)
	if err != nil {
		return store.Image{}, err
	}
	if isTiny(ref) {
		img, err := a.pullTiny(ctx)
		if err == nil {
			a.tellImage("pull", ref.Familiar(), ref.Familiar())
			out.last(ref.String())
		}
		return img, err
	}
	want, err := parsePlatform(platform)
	if err != nil {
		return store.Image{}, err
	}
	s, err := a.openStore() //nolint:contextcheck // store.Open makes a directory, which nobody cancels
	if err != nil {
		return store.Image{}, err
	}
	a.held.hold() // no line of the narration between the bars
	defer a.held.release()
	out.begin(word, ref)
	var left skips
	result, err := pull.Pull(ctx, s, ref, pull.Options{
		Platform:   want,
		Registries: a.registries,
		Progress:   out.progress,
		Narrate:    a.narrate,
		Unpack: func(ctx context.Context, layers []store.Layer) (err error) {
			_, left, err = a.unpack(ctx, layers, out.unpacked)
			return err
		},
	})
	out.flush()
	left.warn(a.stderr)
	if err != nil {
		return store.Image{}, a.asRoot("write below "+a.root, err)
	}
	a.tellImage("pull", ref.Familiar(), ref.Familiar())
	out.end(ref, result)
	if err := s.Clean(ctx, abandoned); err != nil {
		fmt.Fprintf(a.stderr, "warning: %v\n", err)
	}
	return result.Image, nil
}

// abandoned is how long an interrupted download waits for being resumed.
const abandoned = 7 * 24 * time.Hour

// unpack flattens layers below <root>/rootfs. It tells done about each layer and
// returns what of the image was left out.
func (a *app) unpack(ctx context.Context, layers []store.Layer, done func(digest.Digest)) (dir string, left skips, err error) {
	dir, err = unpack.Flatten(ctx, a.rootfsDir(), layers, unpack.Options{
		MaxBytes: a.maxUnpacked,
		Narrate:  a.narrate,
		Progress: done,
		Skipped:  left.add,
	})
	if err != nil {
		return "", left, a.asRoot("unpack images into "+a.rootfsDir(), err)
	}
	return dir, left, nil
}

// limitUnpacked sets how much the layers of one image may hold; an empty size
// leaves the default.
func (a *app) limitUnpacked(size string) error {
	if size == "" {
		return nil
	}
	n, err := units.RAMInBytes(size)
	if err != nil || n <= 0 {
		return usageError("--max-unpacked %q is no size; it reads 512m or 100g", size)
	}
	a.maxUnpacked = n
	return nil
}

// flatten returns the root filesystem of an image that is in the store. After a
// pull it is there already and this costs nothing.
func (a *app) flatten(ctx context.Context, img store.Image) (dir string, err error) {
	dir, left, err := a.unpack(ctx, img.Layers, nil)
	left.warn(a.stderr)
	return dir, err
}

// pullImage pulls on the way to something else: stdout belongs to that, so the
// progress goes to stderr.
func (a *app) pullImage(ctx context.Context, word, platform string, quiet bool) (store.Image, error) {
	out := newPullOutput(a.stderr, quiet)
	out.onWay = true
	return a.pull(ctx, word, platform, out)
}

// When run asks the registry: Docker's words for --pull.
const (
	pullAlways  = "always"
	pullMissing = "missing"
	pullNever   = "never"
)

// imageFor returns the image that run and create were told to use, and pulls
// it as the policy says. A word that is an ID is never asked from a registry.
func (a *app) imageFor(ctx context.Context, word, platform, policy string, quiet bool) (store.Image, error) {
	if policy == pullAlways {
		return a.pullImage(ctx, word, platform, quiet)
	}
	img, err := a.findTold(ctx, word)
	if err == nil {
		fits, err := fitsPlatform(img, platform)
		if fits || err != nil {
			return img, err
		}
	} else if !errors.Is(err, store.ErrNotFound) {
		return store.Image{}, err
	}
	ref, nameErr := name.Parse(word)
	if nameErr != nil {
		return store.Image{}, nameErr
	}
	local := fmt.Errorf("unable to find image '%s' locally", ref.Familiar())
	if policy == pullNever {
		return store.Image{}, hintedError{local, "leave out --pull never, or learnbox pull " + shellQuote(word)}
	}
	if !quiet {
		fmt.Fprintf(a.stderr, "Unable to find image '%s' locally\n", ref.Familiar())
	}
	return a.pullImage(ctx, word, platform, quiet)
}

// findTold is findImage as steps of a run: what is not there is no step yet, but for the
// image "tiny", which the first step brings, and a later one unpacks.
func (a *app) findTold(ctx context.Context, word string) (store.Image, error) {
	img, err := a.stored(ctx, word)
	fromHere := errors.Is(err, store.ErrNotFound) && namesTiny(word)
	if err != nil && !fromHere || a.narrate == nil && !fromHere {
		return img, err
	}
	err = a.narrate.Run(pull.ResolveStep(), func() error {
		if fromHere {
			img, err = a.importTiny(ctx)
		} else {
			img, err = a.stored(ctx, word)
		}
		return err
	})
	if err == nil {
		a.narrate.Skip(pull.FetchStep())
	}
	return img, err
}

// findImage returns the image in the store that word means: a name, an ID or the
// beginning of one. The image "tiny" is put there when it is first asked for.
func (a *app) findImage(ctx context.Context, word string) (store.Image, error) {
	img, err := a.stored(ctx, word)
	if !errors.Is(err, store.ErrNotFound) || !namesTiny(word) {
		return img, err
	}
	if img, err = a.importTiny(ctx); err == nil {
		_, err = a.flatten(ctx, img)
	}
	return img, err
}

// stored is the image in the store that word means.
func (a *app) stored(ctx context.Context, word string) (store.Image, error) {
	s, err := a.openStore() //nolint:contextcheck // store.Open makes a directory, which nobody cancels
	if err != nil {
		return store.Image{}, err
	}
	return s.Find(ctx, word)
}
