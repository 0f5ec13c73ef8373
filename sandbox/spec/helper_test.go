package spec

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/sandbox/caps"
)

// The two files of alpine 3.20, shortened.
const (
	alpinePasswd = `root:x:0:0:root:/root:/bin/sh
bin:x:1:1:bin:/bin:/sbin/nologin
daemon:x:2:2:daemon:/sbin:/sbin/nologin
nobody:x:65534:65534:nobody:/:/sbin/nologin
`
	alpineGroup = `root:x:0:root
bin:x:1:root,bin,daemon
daemon:x:2:root,bin,daemon
sys:x:3:root,bin
adm:x:4:root,daemon
wheel:x:10:root
ping:x:999:
nobody:x:65534:
`
	newVolume = "0fe1" // instead of 64 digits
	testID    = "7f3c0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7"
)

// alpine is what a run of alpine without a flag hands to Build on a machine of today.
func alpine() Input {
	return Input{
		ID: testID,
		Image: v1.ImageConfig{
			Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
			Cmd: []string{"/bin/sh"},
		},
		Host: Host{
			CgroupVersion:  1,
			Capabilities:   caps.All().Names(),
			LastCapability: 40,
			Hostname:       "laptop",
			Hosts:          "127.0.0.1 localhost\n10.1.2.3 laptop\n",
			ResolvConf:     "# by hand\nnameserver 10.0.0.53\nsearch example.org\n",
			HasSysctl:      func(string) bool { return true },
		},
		Dir:    "/home/learner",
		EtcDir: "/var/lib/learnbox/containers/" + testID + "/etc",
		Passwd: file(alpinePasswd),
		Group:  file(alpineGroup),
		Device: devices,
		Volume: func(name string) (full, source string) {
			if name == "" {
				name = newVolume
			}
			return name, "/volumes/" + name + "/_data"
		},
	}
}

func file(text string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
}

func noFile() (io.ReadCloser, error) {
	return nil, &fs.PathError{Op: "open", Path: "/etc/passwd", Err: fs.ErrNotExist}
}

// devices is a small /dev.
func devices(p string) ([]specs.LinuxDevice, error) {
	nodes := []specs.LinuxDevice{
		{Path: "/dev/console", Type: "c", Major: 5, Minor: 1},
		{Path: "/dev/fuse", Type: "c", Major: 10, Minor: 229},
		{Path: "/dev/net/tun", Type: "c", Major: 10, Minor: 200},
		{Path: "/dev/null", Type: "c", Major: 1, Minor: 3},
		{Path: "/dev/pipe", Type: "p"},
		{Path: "/dev/ptmx", Type: "c", Major: 5, Minor: 2},
		{Path: "/dev/pts/0", Type: "c", Major: 136, Minor: 0},
		{Path: "/dev/sda", Type: "b", Major: 8, Minor: 0},
	}
	if p == "/dev/nope" {
		return nil, &fs.PathError{Op: "stat", Path: p, Err: fs.ErrNotExist}
	}
	var found []specs.LinuxDevice
	for _, n := range nodes {
		if n.Path == p || strings.HasPrefix(n.Path, p+"/") {
			found = append(found, n)
		}
	}
	return found, nil
}

// with builds alpine after the changes.
func with(change func(in *Input)) (Result, error) {
	in := alpine()
	change(&in)
	return Build(in)
}

// must is with for what has to succeed, and has to be valid for a runtime.
func must(t *testing.T, change func(in *Input)) Result {
	t.Helper()
	res, err := with(change)
	if err != nil {
		t.Fatalf("Build: %v", err)
	}
	if err := Validate(res.Spec); err != nil {
		t.Fatalf("Build made a config.json that Validate refuses: %v", err)
	}
	return res
}

// refused wants an error with these words in it, on one line.
func refused(t *testing.T, what string, err error, words string) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("%s: no error, want one with %q", what, words)
	case !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "\n"):
		t.Errorf("%s: error %q, want %q in it", what, err, words)
	}
}

// hint returns the way out that an error knows.
func hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

// mountsAt returns the options of the mount at a destination, after checking that there is one.
func mountAt(t *testing.T, s *specs.Spec, dest string) specs.Mount {
	t.Helper()
	for _, m := range s.Mounts {
		if m.Destination == dest {
			return m
		}
	}
	t.Fatalf("nothing is mounted at %s", dest)
	return specs.Mount{}
}

// destinations lists where the mounts are, those of the container's own under names of their own.
func destinations(s *specs.Spec) []string {
	var all []string
	for _, m := range s.Mounts {
		all = append(all, path.Clean(m.Destination))
	}
	return all
}
