package main

import (
	"bytes"
	"compress/gzip"
	_ "crypto/sha256" // go-digest knows the algorithm only if it is linked in
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"

	digest "github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/learnbox/learnbox/pull/tiny"
)

// placeholder is the one file in the layout that is not ours, see package tiny.
const placeholder = ".placeholder"

// writeLayout replaces the contents of dir by the image. The index comes last: it
// is what makes a directory of blobs an image.
func writeLayout(dir string, s source) error {
	if err := empty(dir); err != nil {
		return err
	}
	l := layoutWriter{dir: dir}
	manifest := l.manifest(s)
	l.file(v1.ImageLayoutFile, l.json(v1.ImageLayout{Version: v1.ImageLayoutVersion}))
	l.file(v1.ImageIndexFile, l.json(v1.Index{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: v1.MediaTypeImageIndex,
		Manifests: []v1.Descriptor{manifest},
	}))
	return l.err
}

// empty makes dir and removes what an earlier run left in it.
func empty(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == placeholder {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// A layoutWriter writes files until one fails, and keeps that error.
type layoutWriter struct {
	dir string
	err error
}

// manifest writes layer, config and manifest, and returns how an index names the last.
func (l *layoutWriter) manifest(s source) v1.Descriptor {
	var archive bytes.Buffer
	l.keep(writeTar(&archive, rootfs(s), s.time))
	layer := l.blob(v1.MediaTypeImageLayerGzip, l.gzip(archive.Bytes()))
	platform := v1.Platform{Architecture: runtime.GOARCH, OS: "linux"}
	config := l.blob(v1.MediaTypeImageConfig, l.json(v1.Image{
		Created:  &s.time,
		Platform: platform,
		Config: v1.ImageConfig{
			// An interactive ash reads the file that ENV names; a login shell would read /etc/profile itself.
			Env:    []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "ENV=/etc/profile"},
			Cmd:    []string{"sh"},
			Labels: labels(s),
		},
		RootFS: v1.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromBytes(archive.Bytes())}},
		History: []v1.History{{
			Created: &s.time, CreatedBy: "learnbox scripts/tiny", Comment: "busybox-static " + s.version,
		}},
	}))
	manifest := l.blob(v1.MediaTypeImageManifest, l.json(v1.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: v1.MediaTypeImageManifest,
		Config:    config,
		Layers:    []v1.Descriptor{layer},
	}))
	manifest.Platform = &platform
	manifest.Annotations = map[string]string{v1.AnnotationRefName: tiny.Name}
	return manifest
}

// labels say what is inside and under which terms.
func labels(s source) map[string]string {
	return map[string]string{
		v1.AnnotationTitle:       "tiny",
		v1.AnnotationDescription: "busybox and nothing else, embedded in learnbox",
		v1.AnnotationLicenses:    "GPL-2.0-only",
		v1.AnnotationSource:      "https://packages.debian.org/source/busybox",
		v1.AnnotationVersion:     s.version,
	}
}

// gzip compresses without name and time, so that equal input gives equal output.
func (l *layoutWriter) gzip(data []byte) []byte {
	var b bytes.Buffer
	zw, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	l.keep(err)
	_, err = zw.Write(data)
	l.keep(err)
	l.keep(zw.Close())
	return b.Bytes()
}

// json encodes a value of the specification; maps come out sorted.
func (l *layoutWriter) json(value any) []byte {
	data, err := json.Marshal(value)
	l.keep(err)
	return data
}

// blob writes data under its digest.
func (l *layoutWriter) blob(mediaType string, data []byte) v1.Descriptor {
	d := digest.FromBytes(data)
	l.file(filepath.Join(v1.ImageBlobsDir, d.Algorithm().String(), d.Encoded()), data)
	return v1.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(data))}
}

// file writes one file below the layout, unless something went wrong before.
func (l *layoutWriter) file(name string, data []byte) {
	if l.err != nil {
		return
	}
	name = filepath.Join(l.dir, name)
	l.keep(os.MkdirAll(filepath.Dir(name), 0o755))
	l.keep(os.WriteFile(name, data, 0o644))
}

// keep remembers the first error.
func (l *layoutWriter) keep(err error) {
	if l.err == nil {
		l.err = err
	}
}
