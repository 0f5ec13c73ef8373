package main

import (
	"encoding/json"
	"fmt"
	"time"

	digest "github.com/opencontainers/go-digest"

	"github.com/learnbox/learnbox/pull/name"
	"github.com/learnbox/learnbox/pull/store"
	"github.com/learnbox/learnbox/unpack"
)

// imageReport is an image in Docker's words: the keys of its API (ImageInspect),
// in the order in which it prints them.
type imageReport struct {
	Id            string //nolint:revive // the key is Docker's, and templates name it
	RepoTags      []string
	RepoDigests   []string
	Parent        string
	Comment       string
	Created       string
	DockerVersion string
	Author        string
	Config        *imageConfig
	Architecture  string
	Variant       string `json:",omitempty"`
	Os            string
	OsVersion     string `json:",omitempty"`
	Size          int64
	GraphDriver   graphDriver
	RootFS        rootFS
	Metadata      imageMetadata
}

// ID is the other name that Docker's templates may use.
func (r imageReport) ID() string { return r.Id }

type graphDriver struct {
	Data map[string]string
	Name string
}

type rootFS struct {
	Type   string
	Layers []digest.Digest `json:",omitempty"`
}

type imageMetadata struct{ LastTagTime time.Time }

// imageConfig is the "config" object of an image with all the keys that Docker
// knows, also those that the OCI image specification left out (docker-image-spec,
// "Healthcheck", "OnBuild", "Shell") and those that only containers have.
type imageConfig struct {
	Hostname     string
	Domainname   string
	User         string
	AttachStdin  bool
	AttachStdout bool
	AttachStderr bool
	ExposedPorts map[string]struct{} `json:",omitempty"`
	Tty          bool
	OpenStdin    bool
	StdinOnce    bool
	Env          []string
	Cmd          []string
	Healthcheck  json.RawMessage `json:",omitempty"`
	ArgsEscaped  bool            `json:",omitempty"`
	Image        string
	Volumes      map[string]struct{}
	WorkingDir   string
	Entrypoint   []string
	OnBuild      []string
	Labels       map[string]string
	StopSignal   string   `json:",omitempty"`
	StopTimeout  *int     `json:",omitempty"`
	Shell        []string `json:",omitempty"`
}

// describeImage reads the config blob itself, since v1.Image keeps only what the
// OCI specification names.
func describeImage(img store.Image, size int64, rootfsDir string) (imageReport, error) {
	var raw struct {
		Comment       string       `json:"comment"`
		Created       *time.Time   `json:"created"`
		DockerVersion string       `json:"docker_version"`
		Author        string       `json:"author"`
		Config        *imageConfig `json:"config"`
		Architecture  string       `json:"architecture"`
		Variant       string       `json:"variant"`
		OS            string       `json:"os"`
		OSVersion     string       `json:"os.version"`
	}
	if err := json.Unmarshal(img.RawConfig, &raw); err != nil {
		return imageReport{}, fmt.Errorf("read the config of %s: %w", shortID(img.ID), err)
	}
	r := imageReport{
		Id: img.ID.String(), RepoTags: familiar(img.Names), RepoDigests: familiar(img.RepoDigests),
		Comment: raw.Comment, Created: time.Time{}.Format(time.RFC3339Nano),
		DockerVersion: raw.DockerVersion, Author: raw.Author, Config: raw.Config,
		Architecture: raw.Architecture, Variant: raw.Variant, Os: raw.OS, OsVersion: raw.OSVersion,
		Size:        size,
		GraphDriver: graphDriver{Name: "flat"},
		RootFS:      rootFS{Type: img.Config.RootFS.Type, Layers: img.Config.RootFS.DiffIDs},
	}
	if raw.Created != nil {
		r.Created = raw.Created.Format(time.RFC3339Nano)
	}
	if path, ok := unpack.Path(rootfsDir, img.Layers); ok {
		r.GraphDriver.Data = map[string]string{"LowerDir": path}
	}
	return r, nil
}

// familiar shortens references as Docker shows them; an empty list stays a list.
func familiar(names []string) []string {
	short := make([]string, 0, len(names))
	for _, n := range names {
		if ref, err := name.Parse(n); err == nil {
			n = ref.Familiar()
		}
		short = append(short, n)
	}
	return short
}
