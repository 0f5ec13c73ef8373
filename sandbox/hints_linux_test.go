package sandbox

import (
	"fmt"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// What the kernel says where a group has no room is not always what one would look for.
func TestHintsWhereAGroupHasNoRoom(t *testing.T) {
	for _, tt := range []struct {
		step  string
		errno syscall.Errno
		want  string
	}{
		{"cgroup.create", unix.ENOMEM, memoryHint},
		{"init.clone", unix.E2BIG, memoryHint},
		{"init.clone", unix.EAGAIN, pidsHint},
		{"exec.start", unix.ENOMEM, enterHint},
		{"exec.start", unix.ENFILE, enterHint},
	} {
		if got := hint(tt.step, fmt.Errorf("start: %w", tt.errno)); got != tt.want {
			t.Errorf("%s, %v: %q, want %q", tt.step, tt.errno, got, tt.want)
		}
	}
}
