package main

import (
	"errors"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"
)

// fullDisk adds the way out to an error about a full disk that has none.
func (a *app) fullDisk(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok && strings.HasPrefix(p.Path, "/dev/") {
		return err // an output that cannot be written is not our disk
	}
	var hinted interface{ Hint() string }
	if !errors.Is(err, unix.ENOSPC) || errors.As(err, &hinted) && hinted.Hint() != "" {
		return err
	}
	return hintedError{err, "the disk below " + a.root + " is full: learnbox rm and learnbox rmi make room, --root takes another disk"}
}
