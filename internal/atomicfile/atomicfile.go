// Package atomicfile replaces files so that a reader sees the old content or
// the new one and never something between, and takes locks that a killed
// process gives back.
//
// rename(2) swaps a name from one file to another in one step. So new content
// goes to a temporary file in the same directory and is renamed over the old
// one. That alone survives the death of a process; to survive the loss of
// power, the data must be on the disk before the name is (fsync(2) of the file)
// and the name before the caller goes on (fsync of the directory). [Write] does
// all of it. State under /run dies with the machine anyway: [WriteVolatile]
// leaves the two fsyncs out.
//
// A process that is killed between creating and renaming leaves its temporary
// file. Every writer holds a lock on the one it fills, so [RemoveStale] can
// tell the dead ones from those that are still being written.
//
// Locks are flock(2) locks. They belong to the open file, not to the process:
// two opens in one process exclude each other as two processes do, and the
// kernel drops the lock when the last descriptor is closed, kill -9 included.
// A lock file is never removed, because a removed file can still be locked by
// someone who opened it before.
//
// Left out: locks over NFS before Linux 2.6.12, and Windows.
package atomicfile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// infix marks temporary names: ".index.json.atomic-1f3a…" becomes "index.json".
const infix = ".atomic-"

// Write gives path the content data and the mode perm, whatever the umask, and
// returns once both would survive a loss of power.
func Write(path string, data []byte, perm fs.FileMode) error {
	if err := write(path, data, perm, true); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// WriteVolatile is Write without fsync: atomic for every reader, but the file
// may be empty or old after a loss of power. For state that a boot removes.
func WriteVolatile(path string, data []byte, perm fs.FileMode) error {
	if err := write(path, data, perm, false); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func write(path string, data []byte, perm fs.FileMode, durable bool) (err error) {
	f, err := createTemp(path)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreMissing(os.Remove(f.Name())))
		}
		// Closing gives up the lock, so it comes after the rename.
		err = errors.Join(err, f.Close())
	}()
	if err := f.Chmod(perm); err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	if durable {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	if durable {
		return SyncDir(filepath.Dir(path))
	}
	return nil
}

// createTemp makes a new locked file beside path. A RemoveStale that comes
// between creation and lock takes the file for a dead one and unlinks it;
// then another name is tried.
func createTemp(path string) (*os.File, error) {
	dir, base := filepath.Split(path)
	for {
		name := filepath.Join(dir, "."+base+infix+rand.Text())
		f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		locked, err := tryLock(f, exclusive)
		if err == nil && locked && Linked(f, name) {
			return f, nil
		}
		err = errors.Join(err, f.Close())
		if err != nil {
			return nil, err
		}
	}
}

// Linked reports whether name still is the file f. After a lock was taken this
// tells whether the holder before has renamed or removed the file meanwhile.
func Linked(f *os.File, name string) bool {
	have, err := f.Stat()
	if err != nil {
		return false
	}
	at, err := os.Lstat(name)
	return err == nil && os.SameFile(have, at)
}

// Publish renames from to path so that both content and name would survive a
// loss of power. f is the open file at from; the caller still closes it.
func Publish(f *os.File, from, path string) error {
	if err := f.Sync(); err != nil {
		return fmt.Errorf("publish %s: %w", path, err)
	}
	if err := os.Rename(from, path); err != nil {
		return fmt.Errorf("publish %s: %w", path, err)
	}
	return SyncDir(filepath.Dir(path))
}

// SyncDir makes the names in dir durable.
func SyncDir(dir string) (err error) {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	// Some file systems cannot sync a directory and say EINVAL (fsync(2)).
	if err := d.Sync(); err != nil && !isInvalid(err) {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}

// RemoveStale removes the temporary files in dir whose writers are dead. A
// directory that is missing has none.
func RemoveStale(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ignoreMissing(err)
	}
	var errs []error
	for _, e := range entries {
		if !IsTemp(e.Name()) || !e.Type().IsRegular() {
			continue
		}
		errs = append(errs, removeIfUnlocked(filepath.Join(dir, e.Name())))
	}
	return errors.Join(errs...)
}

// IsTemp reports whether name, without its directory, is one of a temporary file.
func IsTemp(name string) bool {
	return strings.HasPrefix(name, ".") && strings.Contains(name, infix)
}

func removeIfUnlocked(path string) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return ignoreMissing(err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	locked, err := tryLock(f, exclusive)
	if err != nil || !locked {
		return err
	}
	return ignoreMissing(os.Remove(path))
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
