package store

import (
	"encoding/json"
	"fmt"
	"strings"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// Docker's media types that OCI has others for.
const (
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerConfig   = "application/vnd.docker.container.image.v1+json"
	dockerLayer    = "application/vnd.docker.image.rootfs.diff.tar"
	dockerForeign  = "application/vnd.docker.image.rootfs.foreign.diff.tar"
)

// ociManifest returns the manifest that index.json names for an image. Docker's
// schema 2 says the same as an OCI manifest with other media types, but an OCI
// layout with one in it is not what skopeo reads. So an image in Docker's format
// gets a manifest of OCI's beside the original; config and layers, and with
// them the image ID, stay what they are.
func (s *Store) ociManifest(d v1.Descriptor, m v1.Manifest) (v1.Descriptor, v1.Manifest, error) {
	if d.MediaType != dockerManifest && m.MediaType != dockerManifest {
		return bare(d), m, nil
	}
	m.MediaType = v1.MediaTypeImageManifest
	if m.Config.MediaType == dockerConfig {
		m.Config.MediaType = v1.MediaTypeImageConfig
	}
	layers := make([]v1.Descriptor, len(m.Layers))
	for i, l := range m.Layers {
		l.MediaType = ociLayerType(l.MediaType)
		layers[i] = l
	}
	m.Layers = layers
	data, err := json.Marshal(m)
	if err != nil {
		return v1.Descriptor{}, v1.Manifest{}, err
	}
	d = v1.Descriptor{MediaType: m.MediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
	if err := s.WriteBlob(d, data); err != nil {
		return v1.Descriptor{}, v1.Manifest{}, fmt.Errorf("write manifest: %w", err)
	}
	return d, m, nil
}

func ociLayerType(t string) string {
	oci := v1.MediaTypeImageLayer
	rest, ok := strings.CutPrefix(t, dockerLayer)
	if !ok {
		if rest, ok = strings.CutPrefix(t, dockerForeign); !ok {
			return t
		}
		oci = "application/vnd.oci.image.layer.nondistributable.v1.tar"
	}
	switch rest {
	case "":
		return oci
	case ".gzip":
		return oci + "+gzip"
	case ".zstd":
		return oci + "+zstd"
	default:
		return t
	}
}
