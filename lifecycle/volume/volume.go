// Package volume keeps volumes: directories with a name, which outlive the containers
// that they are mounted into.
//
// A container's own layer goes with it. What is to stay has to lie elsewhere, and the
// kernel's bind mount makes it appear inside (mount(8), "Bind mount operation"). Docker
// gives such directories names, and a place of their own:
//
//	volumes/NAME/volume.json   what is known of it: a Volume
//	volumes/NAME/_data         what the containers see
//
// A volume comes into being by one rename and goes by another, so that it is there whole
// or not at all, whoever is killed meanwhile. Who prepares a container holds its volumes
// (flock(2), shared) until the container's own files name them; who removes a volume
// takes the lock alone, and looks for containers once more when it has it.
//
// An empty volume is filled with what the image has at the place where it is mounted:
// see Hold.Fill. The package knows no container. Left out: drivers other than local, and
// the local driver's options.
package volume

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// AnonymousLabel is how Docker marks a volume to which nobody gave a name.
const AnonymousLabel = "com.docker.volume.anonymous"

// A Volume is what is known of one. It does not change.
type Volume struct {
	Name    string
	Created time.Time
	Labels  map[string]string `json:",omitempty"`
}

// Anonymous reports whether nobody gave the volume a name.
func (v Volume) Anonymous() bool {
	_, ok := v.Labels[AnonymousLabel]
	return ok
}

// ErrNotFound reports that there is no volume with the name.
var ErrNotFound = errors.New("no such volume")

// An InUseError reports a volume that containers use.
type InUseError struct {
	Name string
	By   []string // IDs; none if the container is just being made
}

func (e *InUseError) Error() string {
	by := strings.Join(e.By, ", ")
	if by == "" {
		by = "a container that is being made"
	}
	return fmt.Sprintf("remove %s: volume is in use - [%s]", e.Name, by)
}

// Hint says who has to go first.
func (e *InUseError) Hint() string {
	return "remove the containers first; learnbox ps -a --filter volume=" + e.Name + " lists them"
}

// A NameError reports a name that no volume can have.
type NameError struct{ Name string }

func (e *NameError) Error() string {
	if len(e.Name) == 1 {
		return fmt.Sprintf("create %s: volume name is too short, names should be at least two alphanumeric characters", e.Name)
	}
	return fmt.Sprintf("create %s: %q includes invalid characters for a local volume name, only %q are allowed. "+
		"If you intended to pass a host directory, use absolute path", e.Name, e.Name, "[a-zA-Z0-9][a-zA-Z0-9_.-]")
}

// Hint names the other way to write a directory.
func (e *NameError) Hint() string {
	return "a directory here is written with ./ in front, as in ./" + e.Name
}

// CheckName returns a *NameError for what cannot be a volume's name. It also keeps the
// name one step of a path.
func CheckName(name string) error {
	const alnum = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	if len(name) < 2 || len(name) > 255 || !strings.Contains(alnum, name[:1]) || strings.Trim(name, alnum+"_.-") != "" {
		return &NameError{name}
	}
	return nil
}

// A Store is the directory with all volumes. It comes into being with the first of them.
type Store struct{ dir string }

// Open returns the store at an absolute path.
func Open(dir string) Store { return Store{dir} }

func (s Store) path(name string) string { return filepath.Join(s.dir, name) }

// Data is the directory of a volume's files, absolute, whether there is one or not.
func (s Store) Data(name string) string { return filepath.Join(s.dir, name, "_data") }

func (s Store) record(name string) string { return filepath.Join(s.dir, name, "volume.json") }

// Get reads one volume.
//
// Errors: ErrNotFound.
func (s Store) Get(name string) (Volume, error) {
	var v Volume
	if CheckName(name) != nil {
		return v, fmt.Errorf("get %s: %w", name, ErrNotFound)
	}
	data, err := os.ReadFile(s.record(name))
	if errors.Is(err, fs.ErrNotExist) {
		return v, fmt.Errorf("get %s: %w", name, ErrNotFound)
	}
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return v, fmt.Errorf("%s is damaged: %w", s.record(name), err)
	}
	return v, nil
}

// List reads all volumes, by name. One that is damaged is left out and reported in the
// error.
func (s Store) List() ([]Volume, error) {
	entries, err := s.entries()
	errs := []error{err}
	var all []Volume
	for _, e := range entries {
		if isTemporary(e.Name()) {
			continue
		}
		v, err := s.Get(e.Name())
		switch {
		case err == nil:
			all = append(all, v)
		case !errors.Is(err, ErrNotFound): // else it was removed while we read
			errs = append(errs, err)
		}
	}
	return all, errors.Join(errs...)
}

func (s Store) entries() ([]fs.DirEntry, error) {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return entries, err
}
