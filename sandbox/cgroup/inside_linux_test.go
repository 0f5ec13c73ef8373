package cgroup

import (
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// onFirst takes what is to happen on the first thread of this process, where
// TestMain waits for it.
var onFirst = make(chan func())

// Only an init function runs on the first thread for certain.
func init() { runtime.LockOSThread() } //nolint:gochecknoinits // see above

// serveFirst runs the tests on other threads, and on this one what they send.
func serveFirst(m *testing.M) (code int) {
	done := make(chan int)
	go func() { done <- m.Run() }()
	for {
		select {
		case do := <-onFirst:
			do()
		case code := <-done:
			return code
		}
	}
}

// A process whose first thread is in a group pays for its memory there, and may be
// killed at the limit of the group.
func TestTheFirstThreadStaysOutside(t *testing.T) {
	for name, h := range layouts(t) {
		t.Run(name, func(t *testing.T) {
			g := mustCreate(t, h)
			before := groupsOf(t, unix.Getpid())
			var during string
			var procs []int
			done := make(chan error)
			onFirst <- func() {
				done <- g.Inside(func() (err error) {
					during = groupsOf(t, unix.Getpid())
					procs, err = g.Procs()
					return err
				})
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if during != before {
				t.Errorf("the first thread was in\n%s", during)
			}
			// Version 1 lists a process with one thread in the group.
			if h.Version == 1 && !slices.Contains(procs, unix.Getpid()) {
				t.Errorf("no thread was in the group: %d", procs)
			}
		})
	}
}
