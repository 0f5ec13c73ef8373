package pull

import (
	"bytes"
	"net/http"
	"runtime"
	"strings"
	"testing"

	digest "github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// Documents that are not what they should be.
func TestLies(t *testing.T) {
	layer := random(1, 1000)
	for what, c := range map[string]struct {
		serve func(f *fake) // adds the tag latest
		want  string
	}{
		"manifest too large": {func(f *fake) {
			f.add(v1.MediaTypeImageManifest, append([]byte(`{"schemaVersion":2,"x":"`), bytes.Repeat([]byte("x"), 5<<20)...), "latest")
		}, "the document is larger than 4 MiB"},
		"manifest is no JSON": {func(f *fake) { f.add(v1.MediaTypeImageManifest, []byte("hello"), "latest") }, "the manifest is no JSON"},
		"schema 1":            {func(f *fake) { f.add("application/json", []byte(`{"schemaVersion":1,"name":"x"}`), "latest") }, "schema 1"},
		"a chart": {func(f *fake) {
			f.addImage(hostPlatform(), nil, func(m *v1.Manifest) { m.Config.MediaType = "application/vnd.cncf.helm.config.v1+json" }, "latest")
		}, `this is no container image but "application/vnd.cncf.helm.config.v1+json"`},
		"a layer that is none": {func(f *fake) {
			f.addImage(hostPlatform(), [][]byte{layer}, func(m *v1.Manifest) { m.Layers[0].MediaType = "application/vnd.in-toto+json" }, "latest")
		}, "layer 1 is no file system"},
		"manifest and index at once": {func(f *fake) {
			f.add(v1.MediaTypeImageManifest, []byte(`{"schemaVersion":2,"config":{},"manifests":[]}`), "latest")
		}, "claims to be an index as well"},
		"config for fewer layers": {func(f *fake) {
			f.addImage(hostPlatform(), [][]byte{layer}, func(m *v1.Manifest) { m.Layers = append(m.Layers, m.Layers[0]) }, "latest")
		}, "the image config tells of 1 layers, its manifest of 2"},
		"config too large": {func(f *fake) {
			f.addImage(hostPlatform(), nil, func(m *v1.Manifest) { m.Config.Size = 100 << 20 }, "latest")
		}, "config of 104857600 bytes, the limit is"},
		"config of another size": {func(f *fake) {
			f.addImage(hostPlatform(), nil, func(m *v1.Manifest) { m.Config.Size++ }, "latest")
		}, "bytes, "},
		"config of another digest": {func(f *fake) {
			_, m := f.addImage(hostPlatform(), nil, nil, "latest")
			f.docs[m.Config.Digest.String()] = stored{"x", bytes.Repeat([]byte("{"), int(m.Config.Size))}
		}, "image config: the bytes have the digest"},
		"layer with a wrong byte": {func(f *fake) {
			f.simple(layer)
			f.docs[digest.FromBytes(layer).String()] = stored{"x", append([]byte("x"), layer[1:]...)}
		}, "the bytes have the digest"},
		"layer cut off": {func(f *fake) {
			f.simple(layer)
			f.docs[digest.FromBytes(layer).String()] = stored{"x", layer[:500]}
		}, "500 bytes, 1000 were announced"},
		"layer too long": {func(f *fake) {
			f.simple(layer)
			f.docs[digest.FromBytes(layer).String()] = stored{"x", append(bytes.Clone(layer), 'x')}
		}, "more than the announced 1000 bytes"},
		"layer of another size": {func(f *fake) {
			f.addImage(hostPlatform(), [][]byte{layer}, func(m *v1.Manifest) { m.Layers[0].Size = 10 }, "latest")
		}, "more than the announced 10 bytes"},
		"endless layer": {func(f *fake) {
			f.simple(layer)
			f.spoil = first(always, "/blobs/"+digest.FromBytes(layer).String(), func(w http.ResponseWriter, r *http.Request) {
				_, _ = w.Write(layer)
				for r.Context().Err() == nil {
					if _, err := w.Write(layer); err != nil {
						return
					}
				}
			})
		}, "more than the announced 1000 bytes"},
		"foreign layer": {func(f *fake) {
			f.addImage(hostPlatform(), [][]byte{layer}, func(m *v1.Manifest) {
				m.Layers[0].URLs = []string{f.URL + "/elsewhere"}
				m.Layers[0].MediaType = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
			}, "latest")
			delete(f.docs, digest.FromBytes(layer).String())
		}, "learnbox does not follow addresses inside an image"},
		"other platform": {func(f *fake) {
			f.addImage(v1.Platform{OS: "linux", Architecture: "s390x"}, nil, nil, "latest")
		}, "no image for " + platformString(hostPlatform()) + "; there is linux/s390x"},
		"windows": {func(f *fake) {
			f.addImage(v1.Platform{OS: "windows", Architecture: runtime.GOARCH}, nil, nil, "latest")
		}, "there is windows/" + runtime.GOARCH},
		"index of nothing": {func(f *fake) { f.addIndex() }, "there is none for any known platform"},
		"index in an index": {func(f *fake) {
			inner := f.addJSON(v1.MediaTypeImageIndex, v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, Manifests: []v1.Descriptor{}})
			f.addIndex(inner)
		}, "there is none for any known platform"},
		"index in an index in disguise": {func(f *fake) {
			inner := f.addJSON(v1.MediaTypeImageIndex, v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex, Manifests: []v1.Descriptor{}})
			inner.MediaType = v1.MediaTypeImageManifest
			f.addIndex(inner)
		}, "an index inside an index"},
		"index that lies about a size": {func(f *fake) {
			d, _ := f.addImage(hostPlatform(), nil, nil)
			d.Size--
			f.addIndex(d)
		}, "more than the announced"},
		"index with a digest that climbs": {func(f *fake) {
			f.addIndex(v1.Descriptor{MediaType: v1.MediaTypeImageManifest, Digest: "sha256:../../../x", Size: 1})
		}, "digest"},
		"manifest with a wrong byte": {func(f *fake) {
			d, _ := f.addImage(hostPlatform(), nil, nil)
			f.docs[d.Digest.String()] = stored{"x", append(f.docs[d.Digest.String()].data[:d.Size-1], ' ')}
			f.addIndex(d)
		}, ": "},
	} {
		t.Run(what, func(t *testing.T) {
			f := newFake(t)
			c.serve(f)
			s := newStore(t)
			_, err := pullQuick(t, s, f.ref(""), Options{Unpack: readAll(map[digest.Digest][]byte{})})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Pull: %v\nwant %s", err, c.want)
			}
			if images, err := s.Images(t.Context()); err != nil || len(images) != 0 {
				t.Errorf("%d images, %v", len(images), err)
			}
			if n := f.gets("elsewhere"); n != 0 {
				t.Error("the address inside the image was asked")
			}
		})
	}
}

func (f *fake) addIndex(ds ...v1.Descriptor) {
	f.t.Helper()
	if ds == nil {
		ds = []v1.Descriptor{}
	}
	for i := range ds {
		p := hostPlatform()
		ds[i].Platform = &p
	}
	f.addJSON(v1.MediaTypeImageIndex, v1.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex, Manifests: ds,
	}, "latest")
}

func TestByDigestTheDigestCounts(t *testing.T) {
	f := newFake(t)
	d, _ := f.addImage(hostPlatform(), nil, nil, "latest")
	other, _ := f.addImage(hostPlatform(), [][]byte{random(1, 10)}, nil)
	f.docs[d.Digest.String()] = f.docs[other.Digest.String()]
	_, err := pullQuick(t, newStore(t), f.ref("@"+d.Digest.String()), Options{})
	if err == nil || !strings.Contains(err.Error(), "manifest: the bytes have the digest "+other.Digest.String()) {
		t.Errorf("Pull: %v", err)
	}
}
