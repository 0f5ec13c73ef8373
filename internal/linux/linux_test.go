package linux

import (
	"errors"
	"io/fs"
	"syscall"
	"testing"
)

func TestFlagsPrintTheirNames(t *testing.T) {
	names := []flagName{{1, "ONE"}, {2, "TWO"}, {4 | 8, "TWELVE"}}
	for v, want := range map[uint64]string{
		0: "0", 1: "ONE", 3: "ONE|TWO", 12: "TWELVE", 4: "0x4", 1 | 64: "ONE|0x40",
	} {
		if got := flags(v, names); got != want {
			t.Errorf("flags(%d) = %s, want %s", v, got, want)
		}
	}
}

func TestFailedKeepsTheErrno(t *testing.T) {
	if err := Failed(nil, "call(%d)", 1); err != nil {
		t.Errorf("Failed(nil) = %v", err)
	}
	err := Failed(syscall.ENOENT, "open(%q)", "/x")
	var call *CallError
	if !errors.As(err, &call) || call.Errno != syscall.ENOENT || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Failed = %#v, want a *CallError that is fs.ErrNotExist", err)
	}
	other := errors.New("other")
	if err := Failed(other, "call()"); !errors.Is(err, other) || err.Error() != "call(): other" {
		t.Errorf("Failed(other) = %v", err)
	}
}
