package pull

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// Docker's media types; OCI's stand in image-spec.
const (
	dockerManifest  = "application/vnd.docker.distribution.manifest.v2+json"
	dockerIndex     = "application/vnd.docker.distribution.manifest.list.v2+json"
	dockerConfig    = "application/vnd.docker.container.image.v1+json"
	dockerLayer     = "application/vnd.docker.image.rootfs."
	ociLayer        = "application/vnd.oci.image.layer."
	acceptManifests = v1.MediaTypeImageIndex + ", " + dockerIndex + ", " +
		v1.MediaTypeImageManifest + ", " + dockerManifest
)

// A document is a small blob, verified.
type document struct {
	desc v1.Descriptor
	data []byte
}

// newDocument finds out what kind of manifest data is. The document's own word
// counts more than the header's: the header is not covered by the digest.
func newDocument(data []byte, contentType string, algorithm digest.Algorithm) (document, error) {
	var head struct {
		SchemaVersion int             `json:"schemaVersion"`
		MediaType     string          `json:"mediaType"`
		Manifests     json.RawMessage `json:"manifests"`
		Layers        json.RawMessage `json:"layers"`
		Config        json.RawMessage `json:"config"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return document{}, fmt.Errorf("the manifest is no JSON: %w", err)
	}
	if head.SchemaVersion == 1 {
		return document{}, &failure{
			what: "the image is in Docker's format of 2014 (schema 1), which nobody makes any more",
			hint: "ask its publisher for a newer one",
		}
	}
	// A document that is both would be read differently by different programs (CVE-2021-41190).
	if head.Manifests != nil && (head.Layers != nil || head.Config != nil) {
		return document{}, errors.New("the manifest claims to be an index as well")
	}
	mediaType := head.MediaType
	if mediaType == "" {
		mediaType, _, _ = strings.Cut(contentType, ";")
	}
	index, known := isIndex(mediaType), isIndex(mediaType) || isManifest(mediaType)
	switch {
	case !known && head.Manifests != nil:
		mediaType = v1.MediaTypeImageIndex
	case !known && head.Config != nil:
		mediaType = v1.MediaTypeImageManifest
	case !known, index != (head.Manifests != nil):
		return document{}, fmt.Errorf("this is no image manifest but %q", printable(mediaType))
	}
	d := v1.Descriptor{MediaType: mediaType, Digest: algorithm.FromBytes(data), Size: int64(len(data))}
	return document{d, data}, nil
}

func isIndex(t string) bool    { return t == v1.MediaTypeImageIndex || t == dockerIndex }
func isManifest(t string) bool { return t == v1.MediaTypeImageManifest || t == dockerManifest }

// checkImage refuses what only looks like an image: charts, signatures and other
// artifacts use manifests, too.
func checkImage(m v1.Manifest) error {
	if t := m.Config.MediaType; t != v1.MediaTypeImageConfig && t != dockerConfig {
		return fmt.Errorf("this is no container image but %q", printable(t))
	}
	for i, l := range m.Layers {
		if !strings.HasPrefix(l.MediaType, ociLayer) && !strings.HasPrefix(l.MediaType, dockerLayer) {
			return fmt.Errorf("layer %d is no file system but %q", i+1, printable(l.MediaType))
		}
		if strings.HasSuffix(l.MediaType, "+encrypted") {
			return fmt.Errorf("layer %d is encrypted", i+1)
		}
	}
	return nil
}
