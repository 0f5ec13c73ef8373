package volume

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/learnbox/learnbox/internal/atomicfile"
)

// A volume that is being made, and one that is being removed, have names that no volume
// can have.
const (
	newPrefix  = ".new-"
	gonePrefix = ".gone-"
)

func isTemporary(name string) bool { return strings.HasPrefix(name, ".") }

// Only root may look into the directory, and nobody can list it.
const dirMode = 0o701

// Create makes a volume. If there is one with the name it stays as it is.
//
// Errors: *NameError.
func (s Store) Create(v Volume) (err error) {
	if err := CheckName(v.Name); err != nil {
		return err
	}
	if _, err := os.Lstat(s.path(v.Name)); err == nil {
		return nil
	}
	if err := os.MkdirAll(s.dir, dirMode); err != nil {
		return err
	}
	tmp, err := s.draft()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp.Name()), tmp.Close()) }()
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	files := filepath.Join(tmp.Name(), "_data")
	err = errors.Join(
		os.Mkdir(files, 0o755), os.Chmod(files, 0o755), // whatever the umask
		atomicfile.Write(filepath.Join(tmp.Name(), "volume.json"), append(data, '\n'), 0o600),
		tmp.Chmod(dirMode),
	)
	if err != nil {
		return err
	}
	for {
		err := os.Rename(tmp.Name(), s.path(v.Name))
		if err == nil {
			return atomicfile.SyncDir(s.dir)
		}
		if _, taken := os.Lstat(s.path(v.Name)); taken == nil { // somebody else made it meanwhile
			return nil
		}
		if !errors.Is(err, fs.ErrExist) { // else it is gone again
			return err
		}
	}
}

// draft makes a directory and locks it, so that Sweep leaves it. A Sweep that comes
// between takes it for a dead one's; then another is made.
func (s Store) draft() (*os.File, error) {
	for {
		dir, err := os.MkdirTemp(s.dir, newPrefix)
		if err != nil {
			return nil, err
		}
		f, err := os.Open(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if ok, err := atomicfile.TryLockFile(f); err != nil || ok && atomicfile.Linked(f, dir) {
			return f, err
		}
		f.Close()
	}
}

// A Hold keeps a volume from being removed. Release it.
type Hold struct {
	store Store
	name  string
	dir   *os.File
}

// Hold makes a volume, if it is missing, and holds it.
//
// Errors: *NameError.
func (s Store) Hold(ctx context.Context, v Volume) (*Hold, error) {
	for {
		if err := s.Create(v); err != nil {
			return nil, err
		}
		dir, err := os.Open(s.path(v.Name))
		if errors.Is(err, fs.ErrNotExist) { // removed in this moment
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := atomicfile.LockFile(ctx, dir, false); err != nil {
			return nil, errors.Join(err, dir.Close())
		}
		if atomicfile.Linked(dir, s.path(v.Name)) {
			return &Hold{s, v.Name, dir}, nil
		}
		dir.Close()
	}
}

// Release lets the volume go.
func (h *Hold) Release() error { return h.dir.Close() }

// Remove removes a volume that nobody uses. It asks users for the IDs of containers, and
// waits a moment for one that is just being made: then it is among them, or gone.
//
// Errors: ErrNotFound, *InUseError.
func (s Store) Remove(name string, users func() ([]string, error)) error {
	if _, err := s.Get(name); errors.Is(err, ErrNotFound) {
		return err
	}
	dir, err := os.Open(s.path(name))
	if errors.Is(err, fs.ErrNotExist) { // removed in this moment
		return fmt.Errorf("get %s: %w", name, ErrNotFound)
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	const patience = 2 * time.Second
	for end := time.Now().Add(patience); ; {
		locked, err := atomicfile.TryLockFile(dir)
		if err != nil {
			return err
		}
		by, err := users()
		switch {
		case err != nil:
			return err
		case len(by) > 0, !locked && time.Now().After(end):
			return &InUseError{name, by}
		case locked:
			return s.remove(dir, name)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// remove removes a volume that is locked. A rename takes it out of all listings.
func (s Store) remove(dir *os.File, name string) error {
	if !atomicfile.Linked(dir, s.path(name)) {
		return fmt.Errorf("get %s: %w", name, ErrNotFound)
	}
	gone := s.path(fmt.Sprintf("%s%d", gonePrefix, time.Now().UnixNano())) // a name that no other has
	if err := os.Rename(s.path(name), gone); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(gone), atomicfile.SyncDir(s.dir))
}

// Sweep removes what those left who were killed while they made or removed a volume. Those
// who still are at it have locked theirs.
func (s Store) Sweep() error {
	entries, err := s.entries()
	errs := []error{err}
	for _, e := range entries {
		if isTemporary(e.Name()) {
			errs = append(errs, sweep(s.path(e.Name())))
		}
	}
	return errors.Join(errs...)
}

func sweep(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if free, err := atomicfile.TryLockFile(f); err != nil || !free {
		return err
	}
	return os.RemoveAll(path)
}
