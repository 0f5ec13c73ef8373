package network

import (
	"net"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/privtest"
)

func TestUpLoopback(t *testing.T) {
	privtest.Require(t, "root", "net")
	done := make(chan struct{})
	go func() {
		runtime.LockOSThread() // never unlocked: the thread and its namespace end together
		defer close(done)
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Error(err)
			return
		}
		flags := func() net.Flags {
			lo, err := net.InterfaceByName("lo")
			if err != nil {
				t.Error(err)
				return 0
			}
			return lo.Flags
		}
		if flags()&net.FlagUp != 0 {
			t.Error("lo is up in a new network namespace: the test tests nothing")
		}
		if err := UpLoopback(); err != nil {
			t.Error(err)
		}
		if flags()&net.FlagUp == 0 {
			t.Error("lo is down")
		}
	}()
	<-done
}
