package unpack

import (
	_ "crypto/sha256" // go-digest knows the algorithms that are linked in
	_ "crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"

	digest "github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"

	"github.com/learnbox/learnbox/pull/store"
)

// chainPath names the directory of the layers below dir: the chain ID without
// its algorithm. A chain ID stands for the result of applying layers in order,
// whatever image they belong to (image-spec, config.md, "Layer ChainID"), so
// two images with the same layers share a directory.
func chainPath(dir string, layers []store.Layer) (string, error) {
	if len(layers) == 0 {
		return "", errors.New("the image has no layers, so there is no program in it to run")
	}
	ids := make([]digest.Digest, len(layers))
	for i, l := range layers {
		// What is not a digest could be a path.
		if err := l.DiffID.Validate(); err != nil {
			return "", fmt.Errorf("diffID %q of layer %s: %w", l.DiffID, l.Digest, err)
		}
		ids[i] = l.DiffID
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, identity.ChainID(ids).Encoded()), nil
}

// isChain reports whether name is one that chainPath makes. SHA-256 is the
// shortest digest that go-digest knows.
func isChain(name string) bool {
	_, err := hex.DecodeString(name)
	return err == nil && len(name) >= digest.SHA256.Size()*2
}
