package cgroup

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/privtest"
)

// tryDevices prints what becomes of each access to a device.
func tryDevices(dir string) {
	for _, d := range []struct {
		path  string
		flags int
	}{{"/dev/null", unix.O_RDWR}, {"/dev/zero", unix.O_RDONLY}, {"/dev/kmsg", unix.O_RDONLY}, {"/dev/random", unix.O_RDONLY}, {"/dev/random", unix.O_WRONLY}} {
		fd, err := unix.Open(d.path, d.flags|unix.O_CLOEXEC, 0)
		fmt.Printf("open %s %d: %v\n", d.path, d.flags, err)
		if err == nil {
			unix.Close(fd)
		}
	}
	for _, n := range []struct {
		mode         uint32
		major, minor uint32
	}{{unix.S_IFCHR, 1, 3}, {unix.S_IFCHR, 1, 7}, {unix.S_IFBLK, 7, 0}} {
		path := filepath.Join(dir, fmt.Sprint(n.mode, "-", n.major, "-", n.minor))
		err := unix.Mknod(path, n.mode|0o600, int(unix.Mkdev(n.major, n.minor)))
		fmt.Printf("mknod %#o %d:%d: %v\n", n.mode, n.major, n.minor, err)
	}
}

func TestDeviceRulesHold(t *testing.T) {
	null, zero := device(true, "c", 1, 3, "rw"), device(true, "c", 1, 5, "r")
	for name, tt := range map[string]struct {
		rules []specs.LinuxDeviceCgroup
		want  string // errors of the eight lines: - or EPERM as x
	}{
		"no rules":                  {nil, "--------"},
		"everything":                {[]specs.LinuxDeviceCgroup{{Allow: true, Access: "rwm"}}, "--------"},
		"nothing":                   {[]specs.LinuxDeviceCgroup{{Allow: false}}, "xxxxxxxx"},
		"Docker's":                  {docker(), "--x-----"},
		"Docker's without block":    {slices.Delete(docker(), 2, 3), "--x----x"},
		"two devices":               {[]specs.LinuxDeviceCgroup{{Allow: false}, null, zero}, "--xxxxxx"},
		"no default denies":         {[]specs.LinuxDeviceCgroup{zero}, "x-xxxxxx"},
		"all but writing to random": {[]specs.LinuxDeviceCgroup{{Allow: true}, device(false, "c", 1, 8, "w")}, "----x---"},
		"all but nodes of 1:7":      {[]specs.LinuxDeviceCgroup{{Allow: true}, device(false, "c", 1, 7, "m")}, "------x-"},
	} {
		for version, h := range layouts(t) {
			t.Run(version+" "+name, func(t *testing.T) {
				g := mustCreate(t, h, tt.rules...)
				cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
				cmd.Env = []string{childEnv + "=" + t.TempDir()}
				// Opened here: inside the group os/exec could not open its /dev/null.
				null, err := os.Open(os.DevNull)
				if err != nil {
					t.Fatal(err)
				}
				defer null.Close()
				cmd.Stdin, cmd.Stderr = null, os.Stderr
				out, err := cmd.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				run(t, g, cmd)
				got, lines := "", bufio.NewScanner(out)
				for lines.Scan() {
					switch {
					case strings.HasSuffix(lines.Text(), "<nil>"):
						got += "-"
					case strings.HasSuffix(lines.Text(), unix.EPERM.Error()):
						got += "x"
					default:
						t.Error(lines.Text())
					}
				}
				if got != tt.want {
					t.Errorf("%s, want %s", got, tt.want)
				}
			})
		}
	}
}

func TestRulesThatVersion1CannotKeepToAreRefused(t *testing.T) {
	h, ok := layouts(t)["v1"]
	if !ok {
		t.Skip("no version 1")
	}
	path := testPath(t, h)
	rules := &specs.LinuxResources{Devices: append(docker(), device(false, "c", 1, 3, "w"))}
	if err := limited(h, path, rules); err == nil || !strings.Contains(err.Error(), "takes back") {
		t.Errorf("error %v", err)
	}
	without := Hierarchy{Version: 1, Trees: slices.DeleteFunc(slices.Clone(h.Trees), func(tr Tree) bool { return tr.Controllers[0] == "devices" })}
	var hint interface{ Hint() string }
	if err := limited(without, path, &specs.LinuxResources{Devices: docker()}); !errors.As(err, &hint) {
		t.Errorf("error %v, want one with a hint", err)
	}
	if left, err := List(h, filepath.Dir(path)); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestARefusedFilterIsAnErrorWithAWayOut(t *testing.T) {
	f, err := os.Open(t.TempDir()) // no group
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	privtest.Require(t, "root")
	err = filterDevices(f, nil)
	var hint interface{ Hint() string }
	if !errors.As(err, &hint) {
		t.Errorf("error %v, want one with a hint", err)
	}
	if hint := (&deviceFilterError{unix.EPERM}).Hint(); !strings.Contains(hint, "CAP_BPF") {
		t.Errorf("hint %q", hint)
	}
}

// limited makes a group, limits it, and removes it again.
func limited(h Hierarchy, path string, r *specs.LinuxResources) error {
	g, err := Create(h, path)
	if err != nil {
		return err
	}
	_, err = g.Limit(r)
	return errors.Join(err, g.Remove())
}
