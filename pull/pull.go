// Package pull brings images from registries into the store, every byte verified.
package pull

import (
	"context"
	"errors"

	"github.com/distribution/reference"
	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/pull/store"
)

// Options say where to pull from and what to do on the way.
type Options struct {
	Platform   *v1.Platform // nil: the platform of this machine
	Registries Registries
	Progress   func(Progress) // may be nil; called from several goroutines
	Narrate    narrate.Narrator

	// Unpack, if set, is called once manifest and config are verified, while
	// the layers still arrive: their Open readers follow the download. The
	// image gets its name in the store only after Unpack returned nil.
	Unpack func(ctx context.Context, layers []store.Layer) error
}

// Registries are the deviations from "https://NAME".
type Registries struct {
	Mirrors  []string // tried in order instead of docker.io: "http://127.0.0.1:5000"
	Insecure []string // host[:port] or CIDR that may be plain HTTP or have a bad certificate; loopback always may
}

// Phase says what happens to a layer.
type Phase string

// The phases of a layer, Docker's words.
const (
	Waiting     Phase = "Waiting"
	Downloading Phase = "Downloading"
	Verifying   Phase = "Verifying Checksum"
	Complete    Phase = "Download complete"
	Exists      Phase = "Already exists"
	PullDone    Phase = "Pull complete"
)

// Progress tells how far one layer is. Current and Total are compressed bytes.
type Progress struct {
	Layer          digest.Digest
	Phase          Phase
	Current, Total int64
}

// A Result is a finished pull.
type Result struct {
	Image    store.Image
	Digest   digest.Digest // of the manifest or index that the registry answered with
	UpToDate bool          // nothing had to change
}

// ParseName applies Docker's rules for names: "alpine" is
// docker.io/library/alpine:latest. The result has a tag, a digest, or both.
func ParseName(s string) (reference.Named, error) { return nil, errors.New("to be written") }

// Pull brings ref into s.
func Pull(ctx context.Context, s *store.Store, ref reference.Named, o Options) (Result, error) {
	return Result{}, errors.New("pull: to be written")
}
