package linux

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestTraceShowsCallsThatSucceedAndThoseThatFail(t *testing.T) {
	var calls []Call
	var places []string
	stop := Trace(func(c Call) { calls, places = append(calls, c), append(places, Caller()) })
	f, err := Open(os.DevNull, unix.O_RDONLY)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := Unshare(1 << 3); err == nil {
		t.Fatal("unshare took an unknown flag")
	}
	if err := Shown(os.Mkdir(os.DevNull, 0o700), "mkdir(%q, 0700)", os.DevNull); !os.IsExist(err) {
		t.Fatalf("Shown = %v, want the error as it was", err)
	}
	ShowExecve("/bin/true", []string{"true"}, nil)
	stop()
	if err := Chdir("."); err != nil {
		t.Fatal(err)
	}
	if len(calls) != 4 {
		t.Fatalf("traced %+v, want four calls", calls)
	}
	for i, want := range []Call{
		{Call: `open("/dev/null", O_RDONLY|O_CLOEXEC)`, Result: "ok"},
		{Call: "unshare(0x8)", Result: "EINVAL"},
		{Call: `mkdir("/dev/null", 0700)`, Result: "EEXIST"},
		{Call: `execve("/bin/true", ["true"], … /* 0 vars */)`},
	} {
		if calls[i] != want {
			t.Errorf("got %+v, want %+v", calls[i], want)
		}
		if !strings.Contains(places[i], ".go:") {
			t.Errorf("%s was made at %q", want.Call, places[i])
		}
	}
}
