package lifecycle

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/atomicfile"
)

// Containers are all containers of one data root.
type Containers struct {
	data   string // absolute: …/containers
	run    string // absolute
	bin    string // absolute: …/cache/bin, the init's program; "" in a monitor
	states string // absolute: see substitute.go

	told sync.Map // States by ID that could not be written: see substitute.go
}

// Open opens the containers below the absolute directories data and run, and
// makes both if they are missing.
func Open(data, run string) (*Containers, error) {
	c := &Containers{data: filepath.Join(data, "containers"), run: run, bin: filepath.Join(data, "cache", "bin"), states: statesDir}
	for _, dir := range []string{data, c.data, c.names(), c.run} {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *Containers) names() string               { return filepath.Join(c.data, "names") }
func (c *Containers) dir(id string) string        { return filepath.Join(c.data, id) }
func (c *Containers) file(id, name string) string { return filepath.Join(c.data, id, name) }
func (c *Containers) control(id string) string    { return filepath.Join(c.run, id, "control") }
func (c *Containers) lock(id string) string       { return filepath.Join(c.run, id, "lock") }

// Get reads one container by its full ID. What could be read of a damaged one comes with
// the error; without an ID it is nothing.
//
// Errors: ErrNotFound, *DamagedError.
func (c *Containers) Get(id string) (Container, error) {
	var ct Container
	var err error
	if ct.Record, err = c.getRecord(id); err != nil {
		return Container{}, err
	}
	ct.State, err = c.getState(id)
	if err == nil && len(ct.Args) == 0 {
		var config struct {
			Process struct{ Args []string }
		}
		err = readJSON(c.file(id, "config.json"), &config)
		ct.Args = config.Process.Args
	}
	if err == nil {
		return ct, nil
	}
	if c.isGone(id) {
		return Container{}, ErrNotFound // removed while we read
	}
	return ct, damage(id, err)
}

// isGone reports whether a container does not exist, or not yet.
func (c *Containers) isGone(id string) bool {
	_, err := os.Stat(c.file(id, "container.json"))
	return errors.Is(err, fs.ErrNotExist)
}

// getRecord reads what learnbox knows of a container.
//
// Errors: ErrNotFound, *DamagedError.
func (c *Containers) getRecord(id string) (r Record, err error) {
	path := c.file(id, "container.json")
	err = readJSON(path, &r)
	if errors.Is(err, fs.ErrNotExist) {
		return Record{}, ErrNotFound
	}
	if err == nil && r.ID != id {
		err = fmt.Errorf("%s is damaged: %w", path, errNotWhole)
	}
	if err != nil {
		return Record{}, damage(id, err)
	}
	return r, nil
}

// Definition reads what a container is: what learnbox knows of it, and its
// config.json.
//
// Errors: ErrNotFound, *DamagedError.
func (c *Containers) Definition(id string) (Record, *specs.Spec, error) {
	spec := new(specs.Spec)
	r, err := c.getRecord(id)
	if err != nil {
		return r, spec, err
	}
	path := c.file(id, "config.json")
	err = readJSON(path, spec)
	if err == nil && (spec.Process == nil || spec.Linux == nil) {
		err = fmt.Errorf("%s is damaged: %w", path, errNotWhole)
	}
	if err != nil && c.isGone(id) {
		return r, spec, ErrNotFound // removed while we read
	}
	return r, spec, damage(id, err)
}

// Sysctls are the kernel parameters that a container's config.json sets.
func (c *Containers) Sysctls(id string) (map[string]string, error) {
	var config struct {
		Linux struct{ Sysctl map[string]string }
	}
	err := readJSON(c.file(id, "config.json"), &config)
	return config.Linux.Sysctl, err
}

// ids are the names of all container directories.
func (c *Containers) ids() ([]string, error) {
	entries, err := os.ReadDir(c.data)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		if isID(e.Name()) {
			ids = append(ids, e.Name())
		}
	}
	return ids, nil
}

func isID(s string) bool {
	return len(s) == idLength && strings.Trim(s, "0123456789abcdef") == ""
}

// Find returns the container that a user's word means: an ID, a name, which may begin
// with the slash that inspect prints, or the beginning of exactly one ID. The first wins.
//
// Errors: *UnknownError, which is ErrNotFound; *AmbiguousError.
func (c *Containers) Find(word string) (Container, error) {
	if isID(word) {
		if ct, err := c.Get(word); !errors.Is(err, ErrNotFound) {
			return ct, err
		}
	}
	word = strings.TrimPrefix(word, "/")
	if validName(word) {
		if owner, err := os.Readlink(filepath.Join(c.names(), word)); err == nil {
			ct, err := c.Get(filepath.Base(owner))
			if err == nil && ct.Name == word || err != nil && !errors.Is(err, ErrNotFound) {
				return ct, err
			}
		}
	}
	ids, err := c.ids()
	if err != nil {
		return Container{}, err
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { return !strings.HasPrefix(id, word) })
	switch {
	case word == "" || len(ids) == 0:
		return Container{}, &UnknownError{word, c.allNames()}
	case len(ids) > 1:
		return Container{}, &AmbiguousError{word, ids}
	}
	return c.Get(ids[0])
}

func (c *Containers) write(r Record, name string, v any) error {
	return writeJSON(c.file(r.ID, name), v, !r.AutoRemove)
}

// writeJSON writes a file that lasts, or one that lasts until the next boot.
func writeJSON(path string, v any, durable bool) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	write := atomicfile.Write
	if !durable {
		write = atomicfile.WriteVolatile
	}
	return write(path, append(data, '\n'), 0o600)
}

func readJSON(path string, v any) error {
	data, err := readSmall(path)
	if err != nil {
		return err
	}
	if len(data) == 0 {
		return fmt.Errorf("%s is damaged: %w", path, errEmpty)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s is damaged: %w", path, err)
	}
	return nil
}

// readSmall is os.ReadFile in four system calls instead of ten: that one prepares
// for files that can be waited for (epoll_ctl(2)), which a listing of 500
// containers feels.
func readSmall(path string) ([]byte, error) {
	fd, err := again(func() (int, error) { return unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	data := make([]byte, 0, 4096)
	for {
		n, err := again(func() (int, error) { return unix.Read(fd, data[len(data):cap(data)]) })
		if err != nil {
			return nil, &fs.PathError{Op: "read", Path: path, Err: err}
		}
		if n == 0 {
			return data, nil
		}
		if data = data[:len(data)+n]; len(data) == cap(data) {
			data = slices.Grow(data, cap(data))
		}
	}
}

// again makes a call once more that a signal has interrupted.
func again(call func() (int, error)) (n int, err error) {
	for {
		if n, err = call(); !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}
