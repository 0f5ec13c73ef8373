package privtest

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// OnThread calls do on a thread that ends with it, and with it whatever do has changed of
// the thread: its namespaces, its capabilities, its filter.
//
// The goroutine is locked to its thread and never unlocks it, so the Go runtime ends that
// thread with the goroutine and nobody else is ever scheduled on it. Only the first thread
// cannot end, and it is the one that /proc/self shows, so it hands the work on.
func OnThread(do func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			done <- OnThread(do) // not here: this thread is taken
			runtime.UnlockOSThread()
			return
		}
		done <- do()
	}()
	return <-done
}
