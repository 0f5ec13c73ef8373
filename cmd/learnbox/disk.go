package main

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// readOnlyDisk adds the way out to an error about our disk when it takes nothing.
func (a *app) readOnlyDisk(err error) error {
	var at string
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		at = p.Path
	} else if l, ok := errors.AsType[*os.LinkError](err); ok {
		at = l.New
	}
	if !errors.Is(err, unix.EROFS) || !strings.HasPrefix(at, a.root+"/") {
		return err
	}
	return hintedError{err, "the disk below " + a.root + " is read-only; dmesg says why, if the kernel made it so"}
}

// warnUntidy says once that what containers left that have ended could not be cleared away.
func (a *app) warnUntidy(verb string, err error) {
	if a.untidy {
		return
	}
	a.untidy = true
	const untidy = "what containers left that have ended cannot be cleared away: the disk below "
	text := err.Error()
	switch {
	case errors.Is(err, unix.EROFS):
		text = untidy + a.root + " is read-only"
	case errors.Is(err, unix.ENOSPC):
		text = untidy + a.root + " is full"
	}
	a.warn(verb, text)
}

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
