package network

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/privtest"
)

func TestUpLoopback(t *testing.T) {
	privtest.Require(t, "root", "net")
	err := privtest.OnThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return err
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
		err := UpLoopback()
		if flags()&net.FlagUp == 0 {
			t.Error("lo is down")
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
