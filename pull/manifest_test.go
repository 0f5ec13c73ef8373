package pull

import "testing"

func FuzzNewDocument(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"digest":"sha256:x","platform":{"os":"linux"}}]}`), "")
	f.Add([]byte(`{"schemaVersion":2,"config":{},"layers":[]}`), "application/json; charset=utf-8")
	f.Add([]byte(`{"schemaVersion":1}`), dockerManifest)
	f.Fuzz(func(t *testing.T, data []byte, contentType string) {
		doc, err := newDocument(data, contentType, "sha256")
		if err == nil && !isIndex(doc.desc.MediaType) && !isManifest(doc.desc.MediaType) {
			t.Errorf("let through: %q", doc.desc.MediaType)
		}
	})
}
