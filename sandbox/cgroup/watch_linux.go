package cgroup

import (
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
)

// Watch tells when one of the numbers of Count may have grown: OOMKills and Stands if memory is
// set, ForksRefused if pids is. Nobody tells of Throttled, on either version. The
// kernel wakes whoever waits, so that waiting costs nothing. stop must be called.
//
// memory.events and pids.events say that they were modified, to inotify(7). On version 1
// pids.events did so from Linux 4.8 until 6.10 or so, and counts in silence since; for
// memory there is eventfd(2).
func (g *Group) Watch(memory, pids bool) (grown <-chan struct{}, stop func(), err error) {
	var w watch
	defer func() {
		if err != nil {
			w.stop()
		}
	}()
	var files []string
	if pids && g.Has("pids.events") {
		files = append(files, "pids.events")
	}
	if memory && g.Has(g.oomFile()) {
		if g.h.Version == 2 {
			files = append(files, g.oomFile())
		} else if err := w.addEventFD(g); err != nil {
			return nil, nil, err
		}
	}
	if len(files) > 0 {
		if err := w.addInotify(g, files); err != nil {
			return nil, nil, err
		}
	}
	woken := make(chan struct{}, 1)
	for _, f := range w.files {
		go func() {
			buf := make([]byte, 4096)
			for {
				if _, err := f.Read(buf); err != nil {
					return
				}
				select {
				case woken <- struct{}{}:
				default: // he knows already
				}
			}
		}()
	}
	return woken, w.stop, nil
}

// A watch is what a Watch reads from, and what it has to keep open for that.
type watch struct{ files, kept []*os.File }

func (w *watch) stop() {
	for _, f := range append(w.files, w.kept...) {
		f.Close()
	}
}

func (w *watch) addInotify(g *Group, files []string) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err := linux.Failed(err, "inotify_init1(IN_CLOEXEC|IN_NONBLOCK)"); err != nil {
		return err
	}
	w.files = append(w.files, os.NewFile(uintptr(fd), "inotify"))
	for _, file := range files {
		path := g.file(Setting{File: file})
		_, err := unix.InotifyAddWatch(fd, path, unix.IN_MODIFY)
		if err := linux.Failed(err, "inotify_add_watch(%d, %q, IN_MODIFY)", fd, path); err != nil {
			return err
		}
	}
	return nil
}

// addEventFD asks version 1 to add to an eventfd whenever the group runs out of memory:
// both descriptors in one line of cgroup.event_control (the kernel's
// Documentation/admin-guide/cgroup-v1/memory.rst, "OOM Control").
func (w *watch) addEventFD(g *Group) error {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err := linux.Failed(err, "eventfd2(0, EFD_CLOEXEC|EFD_NONBLOCK)"); err != nil {
		return err
	}
	w.files = append(w.files, os.NewFile(uintptr(fd), "eventfd"))
	control, err := os.Open(g.file(Setting{File: g.oomFile()}))
	if err != nil {
		return err
	}
	w.kept = append(w.kept, control)
	line := strconv.Itoa(fd) + " " + strconv.Itoa(int(control.Fd()))
	err = writeFile(g.h.Dir("memory")+"/"+g.Path+"/cgroup.event_control", line)
	if errors.Is(err, unix.ENOENT) { // a kernel without it counts all the same
		return nil
	}
	return err
}
