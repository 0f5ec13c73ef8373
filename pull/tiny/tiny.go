// Package tiny embeds an image in the binary, so that a first container runs without
// any network.
//
// The image is called tiny and consists of one program: Debian's statically linked
// busybox, which is a shell and some 270 commands depending on the name it is
// called by. It is an OCI image layout (image-spec, image-layout.md) like the one
// learnbox keeps on disk, only inside the binary: whoever can read an image from
// a directory can read this one through [Layout].
//
// Busybox is free software under version 2 of the GPL, see NOTICE, and no binary
// belongs into a source tree. So the image is assembled when learnbox is built
// (scripts/tiny calls the program in assemble/), and a binary that was built without
// it says so instead of carrying an image.
package tiny

import (
	"embed"
	"errors"
	"io/fs"
)

// Name is what users call the image.
const Name = "docker.io/library/tiny:latest"

// all: also takes files whose names begin with a dot. Without the placeholder
// there would be nothing to embed in a fresh checkout, which is an error.
//
//go:embed all:image
var embedded embed.FS

// A MissingError reports that this binary was built without the image.
type MissingError struct{}

func (*MissingError) Error() string { return "this learnbox was built without the image tiny" }

// Hint says how to get it.
func (*MissingError) Hint() string {
	return "in the source of learnbox: scripts/tiny && go build ./cmd/learnbox (scripts/build does both)"
}

// Layout returns the OCI image layout, with oci-layout and index.json at its top.
// The error is a *MissingError when the binary was built without it.
func Layout() (fs.FS, error) {
	return layout(embedded)
}

func layout(files fs.FS) (fs.FS, error) {
	image, err := fs.Sub(files, "image")
	if err != nil {
		return nil, err
	}
	switch _, err := fs.Stat(image, "index.json"); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &MissingError{}
	case err != nil:
		return nil, err
	}
	return image, nil
}
