package store_test

import (
	"strings"
	"testing"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/learnbox/learnbox/pull/store"
)

func TestParseManifestRefuses(t *testing.T) {
	ok := `{"mediaType":"x","digest":"sha256:` + strings.Repeat("a", 64) + `","size":1}`
	for what, doc := range map[string]string{
		"no JSON":               `<html>`,
		"schema 1":              `{"schemaVersion":1,"config":` + ok + `}`,
		"index":                 `{"schemaVersion":2,"manifests":[]}`,
		"both (CVE-2021-41190)": `{"schemaVersion":2,"config":` + ok + `,"layers":[],"manifests":[]}`,
		"no config":             `{"schemaVersion":2,"layers":[]}`,
		"digest that climbs":    `{"schemaVersion":2,"config":{"digest":"sha256:../../../../etc/passwd","size":1}}`,
		"unknown digest":        `{"schemaVersion":2,"config":{"digest":"md5:abcd","size":1}}`,
		"negative size":         `{"schemaVersion":2,"config":` + strings.Replace(ok, `"size":1`, `"size":-1`, 1) + `}`,
		"huge config":           `{"schemaVersion":2,"config":` + strings.Replace(ok, `"size":1`, `"size":9999999`, 1) + `}`,
		"layer without digest":  `{"schemaVersion":2,"config":` + ok + `,"layers":[{"size":1}]}`,
	} {
		if _, err := store.ParseManifest([]byte(doc)); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
	if _, err := store.ParseManifest([]byte(`{"schemaVersion":2,"config":` + ok + `,"layers":[` + ok + `]}`)); err != nil {
		t.Errorf("a good one: %v", err)
	}
}

func TestParseConfigCountsLayers(t *testing.T) {
	m := v1.Manifest{Layers: make([]v1.Descriptor, 2)}
	one := `{"rootfs":{"type":"layers","diff_ids":["` + digest.FromString("").String() + `"]}}`
	if _, err := store.ParseConfig([]byte(one), m); err == nil || !strings.Contains(err.Error(), "1 layers, its manifest of 2") {
		t.Errorf("one diff_id for two layers: %v", err)
	}
	m.Layers = m.Layers[:1]
	if _, err := store.ParseConfig([]byte(one), m); err != nil {
		t.Error(err)
	}
	if _, err := store.ParseConfig([]byte(`{"rootfs":{"diff_ids":["sha256:x"]}}`), m); err == nil {
		t.Error("a diff_id that is no digest was accepted")
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"config":{"digest":"sha256:` + strings.Repeat("a", 64) + `","size":1},"layers":[]}`))
	f.Add([]byte(`{"schemaVersion":2,"manifests":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := store.ParseManifest(data)
		if err != nil {
			return
		}
		for _, d := range append(m.Layers, m.Config) {
			if d.Size < 0 || strings.ContainsAny(d.Digest.Encoded(), "/.") {
				t.Errorf("let through: %+v", d)
			}
		}
	})
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(`{"created":"2020-01-01T00:00:00Z","architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}`), 0)
	f.Add([]byte(`{"config":{"Env":["A=b"],"Volumes":null},"history":[{"empty_layer":true}]}`), 1)
	f.Fuzz(func(t *testing.T, data []byte, layers int) {
		m := v1.Manifest{Layers: make([]v1.Descriptor, max(0, min(layers, 100)))}
		c, err := store.ParseConfig(data, m)
		if err == nil && len(c.RootFS.DiffIDs) != len(m.Layers) {
			t.Errorf("%d diff_ids for %d layers", len(c.RootFS.DiffIDs), len(m.Layers))
		}
	})
}
