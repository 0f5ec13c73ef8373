// Package name reads the names of images.
//
// A name says where an image is (distribution-spec, "Pulling manifests"; the
// grammar is Docker's):
//
//	quay.io:443/centos7/httpd:2.4@sha256:85992a05…
//	└──domain─┘ └────path───┘ tag └────digest────┘
//
// The domain is the registry's host, and the path is the repository there. A tag
// is a word that the owner of the repository may move to another image at any
// time. A digest is the hash of one manifest or index, so it never means
// anything else.
//
// Nobody types that much. Docker fills in what is left out, and so does Parse:
//
//	alpine                  docker.io/library/alpine:latest
//	alpine:3.20             docker.io/library/alpine:3.20
//	learnbox/layers         docker.io/learnbox/layers:latest
//	index.docker.io/alpine  docker.io/library/alpine:latest
//	localhost/x             localhost/x:latest
//	quay.io/x@sha256:8599…  quay.io/x@sha256:8599…
//
// So a first part needs something to be taken for a host: a dot, a colon, an
// upper-case letter, or the name localhost. Any other is part of a path on Docker
// Hub. And "latest" is only what a missing tag stands for; nothing keeps it up to
// date. What Docker fills in it leaves out again when it shows a name: that is the
// familiar form.
//
// Docker's own package for this, github.com/distribution/reference, compiles ten
// regular expressions whenever a program starts, even when it then runs no more
// than "learnbox version". Cutting at "/", "@" and ":" and looking at the
// characters costs nothing before a name is read. The tests hold this package
// against that one: both take and refuse the same words.
//
// Left out: looking names up. What a name means on this machine is the business of
// pull/store, and on a registry that of pull.
package name

import (
	"strings"

	digest "github.com/opencontainers/go-digest"
)

const (
	dockerHub = "docker.io"
	legacyHub = "index.docker.io" // what Docker Hub was called at first; some files still do
	localhost = "localhost"
	official  = "library/" // the images that Docker Hub answers for itself
	latest    = "latest"
)

// A Ref is a name in full, as Parse makes it: it has a tag, a digest, or both.
// With both, the digest counts.
type Ref struct {
	// Domain is a host, maybe with a port. It is empty in one case, for a first
	// part that was meant as a host but can only be part of a path: my_host.com/x.
	// Docker takes that for a name, too; no registry can be asked for it.
	Domain string
	Path   string        // library/alpine
	Tag    string        // 3.20; "" if there is only a digest
	Digest digest.Digest // "" if there is only a tag
}

// Repository is the name without tag and digest: docker.io/library/alpine.
func (r Ref) Repository() string {
	if r.Domain == "" {
		return r.Path
	}
	return r.Domain + "/" + r.Path
}

// String is the name in full: docker.io/library/alpine:3.20.
func (r Ref) String() string { return r.Repository() + r.suffix() }

// FamiliarRepository is the repository as Docker shows it: alpine.
func (r Ref) FamiliarRepository() string {
	if r.Domain != dockerHub {
		return r.Repository()
	}
	if image, ok := strings.CutPrefix(r.Path, official); ok && !strings.Contains(image, "/") {
		return image
	}
	return r.Path
}

// Familiar is the name as Docker shows it: alpine:3.20.
func (r Ref) Familiar() string { return r.FamiliarRepository() + r.suffix() }

func (r Ref) suffix() string {
	var s string
	if r.Tag != "" {
		s = ":" + r.Tag
	}
	if r.Digest != "" {
		s += "@" + r.Digest.String()
	}
	return s
}
