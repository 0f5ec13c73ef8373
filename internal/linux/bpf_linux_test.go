package linux_test

import (
	"bytes"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
	"github.com/learnbox/learnbox/internal/privtest"
)

// On a slow machine the kernel's proof took long enough for a signal of Go's own
// scheduler, and a run failed with EAGAIN.
func TestSignalsDoNotKeepAProgramOut(t *testing.T) {
	privtest.Require(t, "root")
	// r0 = 1, many times, so that the proof takes a while; exit.
	program := append(bytes.Repeat([]byte{0xb7, 0, 0, 0, 1, 0, 0, 0}, 4000), 0x95, 0, 0, 0, 0, 0, 0, 0)
	runtime.LockOSThread() // the thread that loads is the one that gets the signals
	defer runtime.UnlockOSThread()
	thread, done := unix.Gettid(), make(chan struct{})
	defer close(done)
	go func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(100 * time.Microsecond):
				_ = unix.Tgkill(os.Getpid(), thread, unix.SIGURG) // the scheduler's own
			}
		}
	}()
	for i := range 200 {
		f, err := linux.LoadDeviceProgram(program)
		if err != nil {
			t.Fatalf("load %d: %v", i, err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
