package caps

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
	"github.com/learnbox/learnbox/internal/privtest"
)

// What these functions do to a thread cannot be undone, so each scenario runs in a
// child: this test binary, told by the environment what to do.
const scenarioVar = "LEARNBOX_CAPS_TEST_SCENARIO"

func TestMain(m *testing.M) {
	if what := os.Getenv(scenarioVar); what != "" {
		os.Exit(runScenario(what))
	}
	os.Exit(m.Run())
}

// runScenario prints what the kernel then says about the thread.
func runScenario(what string) int {
	runtime.LockOSThread()
	if err := scenario(what); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	s, err := threadStatus()
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func scenario(what string) error {
	two := set("CAP_CHOWN", "CAP_SETUID")
	switch what {
	case "drop":
		return DropBounding(two)
	case "apply":
		return Apply(two)
	case "empty":
		return Apply(0)
	case "drop without setpcap":
		if err := Apply(two); err != nil {
			return err
		}
		return DropBounding(0)
	case "apply more than permitted":
		if err := Apply(two); err != nil {
			return err
		}
		return Apply(two | set("CAP_KILL"))
	case "ambient":
		return errors.Join(inherit(two), ClearAmbient())
	case "inheritable and ambient": // the state of CVE-2022-29162, and out of it again
		return errors.Join(inherit(two), ClearAmbient(), Apply(two))
	case "setuid keeping":
		return errors.Join(KeepOnSetuid(true), becomeNobody())
	case "setuid":
		return errors.Join(KeepOnSetuid(true), KeepOnSetuid(false), becomeNobody())
	default:
		return fmt.Errorf("no scenario %q", what)
	}
}

// inherit puts s into the inheritable and the ambient set, and checks that it is there.
func inherit(s Set) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := [2]unix.CapUserData{}
	if err := unix.Capget(&header, &data[0]); err != nil {
		return err
	}
	data[0].Inheritable = uint32(s)
	if err := unix.Capset(&header, &data[0]); err != nil {
		return err
	}
	for n := range 32 {
		if s&(1<<n) == 0 {
			continue
		}
		if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, uintptr(n), 0, 0); err != nil {
			return err
		}
	}
	if now, err := Current(); err != nil || now.Ambient != s || now.Inheritable != s {
		return fmt.Errorf("could not raise ambient: %+v, %w", now, err)
	}
	return nil
}

func becomeNobody() error {
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, 65534, 65534, 65534); errno != 0 {
		return errno
	}
	return nil
}

func threadStatus() (State, error) {
	f, err := os.Open("/proc/thread-self/status")
	if err != nil {
		return State{}, err
	}
	defer f.Close()
	return ParseStatus(f)
}

// child runs a scenario and returns what it printed, or what it said on stderr.
func child(t *testing.T, what string) (State, string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
	cmd.Env = append(os.Environ(), scenarioVar+"="+what)
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return State{}, string(exit.Stderr)
	}
	if err != nil {
		t.Fatal(err)
	}
	var s State
	if err := json.Unmarshal(out, &s); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	return s, ""
}

func TestChangesOfTheThread(t *testing.T) {
	privtest.Require(t, "root")
	me, err := threadStatus()
	if err != nil {
		t.Fatal(err)
	}
	two := set("CAP_CHOWN", "CAP_SETUID")
	for what, want := range map[string]State{
		"drop":                    {Bounding: two, Permitted: me.Permitted, Effective: me.Effective},
		"apply":                   {Bounding: me.Bounding, Permitted: two, Effective: two},
		"empty":                   {Bounding: me.Bounding},
		"ambient":                 {Bounding: me.Bounding, Permitted: me.Permitted, Effective: me.Effective, Inheritable: two},
		"inheritable and ambient": {Bounding: me.Bounding, Permitted: two, Effective: two},
		"setuid keeping":          {Bounding: me.Bounding, Permitted: me.Permitted},
		"setuid":                  {Bounding: me.Bounding},
	} {
		t.Run(what, func(t *testing.T) {
			if got, stderr := child(t, what); got != want {
				t.Errorf("the kernel says %+v %s\nwant %+v", got, stderr, want)
			}
		})
	}
}

func TestRefusedChangesReadLikeStrace(t *testing.T) {
	privtest.Require(t, "root")
	for what, want := range map[string]string{
		"drop without setpcap":      "prctl(PR_CAPBSET_DROP, CAP_CHOWN): operation not permitted (EPERM)",
		"apply more than permitted": "permitted=CAP_CHOWN|CAP_KILL|CAP_SETUID, inheritable=0}): operation not permitted (EPERM)",
	} {
		t.Run(what, func(t *testing.T) {
			if got, stderr := child(t, what); !strings.Contains(stderr, want) {
				t.Errorf("sets %+v, error %q, want %q", got, stderr, want)
			}
		})
	}
}

func TestReadingAgreesWithProc(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	want, err := threadStatus()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Current(); err != nil || got != want {
		t.Errorf("Current() = %+v, %v, /proc says %+v", got, err, want)
	}
	if got, err := Bounding(); err != nil || got != want.Bounding {
		t.Errorf("Bounding() = %v, %v, /proc says %v", got, err, want.Bounding)
	}
	if got, err := Effective(); err != nil || got != want.Effective {
		t.Errorf("Effective() = %v, %v, /proc says %v", got, err, want.Effective)
	}
}

func TestLastIsWhereTheKernelEnds(t *testing.T) {
	last, err := Last()
	if err != nil {
		t.Fatal(err)
	}
	read := func(n int) error { return unix.Prctl(unix.PR_CAPBSET_READ, uintptr(n), 0, 0, 0) }
	if err := read(last); err != nil {
		t.Errorf("the kernel does not know %d: %v", last, err)
	}
	if err := read(last + 1); !errors.Is(err, unix.EINVAL) {
		t.Errorf("the kernel answers %v for %d, want EINVAL", err, last+1)
	}
}

func TestErrorsAreCallErrors(t *testing.T) {
	err := privtest.OnThread(func() error {
		if err := Apply(0); err != nil {
			return err
		}
		return Apply(1) // what was given up does not come back
	})
	var call *linux.CallError
	if !errors.As(err, &call) || !errors.Is(err, unix.EPERM) || !strings.HasPrefix(call.Call, "capset(") {
		t.Errorf("a capability that was given up: %v, want a failed capset that says EPERM", err)
	}
}
