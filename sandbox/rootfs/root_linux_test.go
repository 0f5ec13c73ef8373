package rootfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/privtest"
)

// inMountNamespace runs f on a thread with a mount namespace of its own, which
// ends with the thread. f must not end the test's goroutine: it returns an error.
func inMountNamespace(t *testing.T, f func() error) {
	t.Helper()
	privtest.Require(t, "root", "overlay")
	err := privtest.OnThread(func() error {
		err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_FS)
		if err == nil {
			err = CutPropagation(false)
		}
		if err == nil {
			err = f()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// newRoot mounts an overlay of an image that fill has filled, and opens it.
func newRoot(t *testing.T, fill func(image string) error) (r *Root, merged string, err error) {
	t.Helper()
	dir := t.TempDir()
	o := Overlay{Lower: filepath.Join(dir, "image"), Upper: filepath.Join(dir, "upper"), Work: filepath.Join(dir, "work")}
	merged = filepath.Join(dir, "merged")
	for _, d := range []string{o.Lower, o.Upper, o.Work, merged} {
		if err := os.Mkdir(d, 0o755); err != nil {
			return nil, "", err
		}
	}
	if err := fill(o.Lower); err != nil {
		return nil, "", err
	}
	if err := o.Mount(merged); err != nil {
		return nil, "", err
	}
	r, err = Open(merged)
	return r, merged, err
}

func empty(string) error { return nil }

func link(target, name string) func(string) error {
	return func(image string) error {
		path := filepath.Join(image, name)
		return errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.Symlink(target, path))
	}
}

func proc() specs.Mount {
	return specs.Mount{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}}
}

// TestMountRefusesSymlinks pins CVE-2023-27561, CVE-2023-28642 and CVE-2026-41579.
func TestMountRefusesSymlinks(t *testing.T) {
	for name, c := range map[string]struct {
		fill  func(string) error
		mount specs.Mount
	}{
		"proc is a link":          {link("/elsewhere", "proc"), proc()},
		"proc is a relative link": {link("etc", "proc"), proc()},
		"dev is a link":           {link("/tmp", "dev"), specs.Mount{Destination: "/dev", Type: "tmpfs", Source: "tmpfs"}},
		"sys is a link upwards":   {link("../../..", "sys"), specs.Mount{Destination: "/sys", Type: "sysfs", Source: "sysfs"}},
		"a parent is a link":      {link("/tmp", "dev"), specs.Mount{Destination: "/dev/shm", Type: "tmpfs", Source: "shm"}},
	} {
		t.Run(name, func(t *testing.T) {
			inMountNamespace(t, func() error {
				r, _, err := newRoot(t, c.fill)
				if err != nil {
					return err
				}
				defer r.Close()
				var symlink *SymlinkError
				if err := r.Mount(c.mount); !errors.As(err, &symlink) || symlink.Path != c.mount.Destination || symlink.Hint() == "" {
					t.Errorf("Mount(%s) = %v, want a *SymlinkError that names it", c.mount.Destination, err)
				}
				return nil
			})
		})
	}
}

// TestBindStaysInside pins CVE-2021-30465 and CVE-2019-19921: a target that
// leads out by links ends inside the container.
func TestBindStaysInside(t *testing.T) {
	source, victim := t.TempDir(), t.TempDir()
	write(t, filepath.Join(source, "new"), "from the volume")
	for name, target := range map[string]string{
		"absolute link": victim,
		"relative link": "../../../../../../../.." + victim,
	} {
		t.Run(name, func(t *testing.T) {
			inMountNamespace(t, func() error {
				r, merged, err := newRoot(t, link(target, "data"))
				if err != nil {
					return err
				}
				defer r.Close()
				if err := r.Mount(specs.Mount{Destination: "/data", Type: "bind", Source: source, Options: []string{"rbind"}}); err != nil {
					// A link that leads nowhere inside cannot be mounted on; the host stays as it is.
					t.Logf("refused: %v", err)
				} else if _, err := os.Stat(filepath.Join(merged, victim, "new")); err != nil {
					t.Errorf("the volume is not where the link leads inside the container: %v", err)
				}
				if entries, err := os.ReadDir(victim); err != nil || len(entries) != 0 {
					t.Errorf("the host's directory now shows %v, %v", entries, err)
				}
				return nil
			})
		})
	}
}

func TestLinkToNowhereIsNamed(t *testing.T) {
	inMountNamespace(t, func() error {
		r, _, err := newRoot(t, link("/no/such/place", "etc"))
		if err != nil {
			return err
		}
		defer r.Close()
		err = r.Mount(specs.Mount{Destination: "/etc/hosts", Type: "bind", Source: "/etc/hosts", Options: []string{"rbind"}})
		if err == nil || !strings.Contains(err.Error(), "/etc is a symbolic link in the image that leads nowhere") {
			t.Errorf("Mount = %v", err)
		}
		return nil
	})
}

func TestBindReplacesDanglingResolvConf(t *testing.T) {
	source := filepath.Join(t.TempDir(), "resolv.conf")
	write(t, source, "nameserver 192.0.2.1\n")
	inMountNamespace(t, func() error {
		r, merged, err := newRoot(t, link("../run/systemd/resolve/stub-resolv.conf", "etc/resolv.conf"))
		if err != nil {
			return err
		}
		defer r.Close()
		if err := r.Mount(specs.Mount{Destination: "/etc/resolv.conf", Type: "bind", Source: source, Options: []string{"rbind", "rprivate"}}); err != nil {
			return err
		}
		got, err := os.ReadFile(filepath.Join(merged, "etc/resolv.conf"))
		if string(got) != "nameserver 192.0.2.1\n" {
			t.Errorf("/etc/resolv.conf reads %q", got)
		}
		return err
	})
}

func TestReadOnlyBindCoversWhatIsMountedBelow(t *testing.T) {
	inMountNamespace(t, func() error {
		source := t.TempDir()
		below := filepath.Join(source, "below")
		if err := errors.Join(os.Mkdir(below, 0o755), unix.Mount("tmpfs", below, "tmpfs", 0, "")); err != nil {
			return err
		}
		r, merged, err := newRoot(t, empty)
		if err != nil {
			return err
		}
		defer r.Close()
		if err := r.Mount(specs.Mount{Destination: "/v", Type: "bind", Source: source, Options: []string{"rbind", "ro"}}); err != nil {
			return err
		}
		for _, dir := range []string{"v", "v/below"} {
			if err := os.WriteFile(filepath.Join(merged, dir, "x"), nil, 0o600); !errors.Is(err, unix.EROFS) {
				t.Errorf("write below /%s: %v, want EROFS", dir, err)
			}
		}
		return os.WriteFile(filepath.Join(source, "x"), nil, 0o600) // the host's own stays writable
	})
}

// TestNothingIsMountedInsideProc pins CVE-2019-16884.
func TestNothingIsMountedInsideProc(t *testing.T) {
	inMountNamespace(t, func() error {
		r, _, err := newRoot(t, empty)
		if err != nil {
			return err
		}
		defer r.Close()
		if err := r.Mount(proc()); err != nil {
			return err
		}
		var inside *ProcTargetError
		if err := r.Mount(specs.Mount{Destination: "/proc/sys/kernel", Type: "bind", Source: "/tmp", Options: []string{"rbind"}}); !errors.As(err, &inside) {
			t.Errorf("a volume inside /proc: %v, want a *ProcTargetError", err)
		}
		return nil
	})
}

func TestTmpfsKeepsTheModeOfWhatItCovers(t *testing.T) {
	inMountNamespace(t, func() error {
		r, merged, err := newRoot(t, func(image string) error {
			dir := filepath.Join(image, "private")
			return errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o710))
		})
		if err != nil {
			return err
		}
		defer r.Close()
		if err := r.Mount(specs.Mount{Destination: "/private", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid"}}); err != nil {
			return err
		}
		info, err := os.Stat(filepath.Join(merged, "private"))
		if err == nil && info.Mode().Perm() != 0o710 {
			t.Errorf("mode %v, want 0710", info.Mode().Perm())
		}
		return err
	})
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// mountsBelow returns the mount points below dir in this thread's namespace.
func mountsBelow(dir string) ([]string, error) {
	data, err := os.ReadFile("/proc/thread-self/mountinfo")
	var found []string
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) > 4 && strings.HasPrefix(f[4], dir) {
			found = append(found, f[4])
		}
	}
	return found, err
}

func TestMountsStayInTheirNamespace(t *testing.T) {
	privtest.NoTrace(t)
	inMountNamespace(t, func() error {
		r, merged, err := newRoot(t, empty)
		if err != nil {
			return err
		}
		defer r.Close()
		inside, err := mountsBelow(merged)
		if len(inside) != 1 {
			t.Errorf("inside: %v, want the overlay", inside)
		}
		host, hostErr := os.ReadFile("/proc/1/mountinfo")
		if strings.Contains(string(host), merged) {
			t.Errorf("the host's mount table shows %s", merged)
		}
		return errors.Join(err, hostErr)
	})
}

func TestMissingBindSourceIsNamed(t *testing.T) {
	inMountNamespace(t, func() error {
		r, _, err := newRoot(t, empty)
		if err != nil {
			return err
		}
		defer r.Close()
		err = r.Mount(specs.Mount{Destination: "/v", Type: "bind", Source: "/nowhere/at/all", Options: []string{"rbind"}})
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "/nowhere/at/all") {
			t.Errorf("Mount = %v, want ENOENT that names the source", err)
		}
		return nil
	})
}
