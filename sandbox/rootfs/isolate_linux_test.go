package rootfs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func dev() specs.Mount {
	return specs.Mount{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"}}
}

func TestMaskHidesFilesAndDirectories(t *testing.T) {
	unix.Umask(0o022)
	inMountNamespace(t, func() error {
		r, merged, err := newRoot(t, func(image string) error {
			return errors.Join(
				os.Mkdir(filepath.Join(image, "d1"), 0o755), os.Mkdir(filepath.Join(image, "d2"), 0o755),
				os.WriteFile(filepath.Join(image, "d1/secret"), []byte("secret"), 0o644),
				os.WriteFile(filepath.Join(image, "d2/secret"), []byte("secret"), 0o644),
				os.WriteFile(filepath.Join(image, "file"), []byte("secret"), 0o644),
			)
		})
		if err != nil {
			return err
		}
		defer r.Close()
		if err := errors.Join(r.Mount(dev()), r.PopulateDev(nil)); err != nil {
			return err
		}
		if err := r.Mask([]string{"/d1", "/d2", "/file", "/missing"}); err != nil {
			return err
		}
		for _, dir := range []string{"d1", "d2"} {
			if entries, err := os.ReadDir(filepath.Join(merged, dir)); err != nil || len(entries) != 0 {
				t.Errorf("/%s shows %v, %v", dir, entries, err)
			}
			if err := os.WriteFile(filepath.Join(merged, dir, "x"), nil, 0o600); !errors.Is(err, unix.EROFS) {
				t.Errorf("write into masked /%s: %v, want EROFS", dir, err)
			}
		}
		if data, err := os.ReadFile(filepath.Join(merged, "file")); err != nil || len(data) != 0 {
			t.Errorf("/file reads %q, %v", data, err)
		}
		return nil
	})
}

// TestMaskRefusesAFakeNullDevice pins CVE-2025-31133.
func TestMaskRefusesAFakeNullDevice(t *testing.T) {
	for name, make := range map[string]func(image string) error{
		"a file": func(image string) error { return os.WriteFile(filepath.Join(image, "dev/null"), nil, 0o666) },
		"a link": func(image string) error { return os.Symlink("/proc/kcore", filepath.Join(image, "dev/null")) },
		"zero": func(image string) error {
			return unix.Mknod(filepath.Join(image, "dev/null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			inMountNamespace(t, func() error {
				r, _, err := newRoot(t, func(image string) error {
					return errors.Join(os.Mkdir(filepath.Join(image, "dev"), 0o755), make(image), os.WriteFile(filepath.Join(image, "file"), nil, 0o644))
				})
				if err != nil {
					return err
				}
				defer r.Close()
				if err := r.Mask([]string{"/file"}); err == nil {
					t.Error("Mask with a false /dev/null succeeded")
				}
				return nil
			})
		})
	}
}

func TestMaskDoesNotFollowLinks(t *testing.T) {
	inMountNamespace(t, func() error {
		r, _, err := newRoot(t, link("/etc", "masked"))
		if err != nil {
			return err
		}
		defer r.Close()
		if err := errors.Join(r.Mount(dev()), r.PopulateDev(nil)); err != nil {
			return err
		}
		if err := r.Mask([]string{"/masked"}); !errors.Is(err, unix.ELOOP) {
			t.Errorf("Mask through a link = %v, want ELOOP", err)
		}
		return nil
	})
}

func TestProtectedPathsCanBeReadButNotWritten(t *testing.T) {
	inMountNamespace(t, func() error {
		r, merged, err := newRoot(t, func(image string) error {
			return errors.Join(os.Mkdir(filepath.Join(image, "p"), 0o755), os.WriteFile(filepath.Join(image, "p/f"), []byte("x"), 0o644))
		})
		if err != nil {
			return err
		}
		defer r.Close()
		if err := r.ProtectPaths([]string{"/p", "/missing"}); err != nil {
			return err
		}
		if data, err := os.ReadFile(filepath.Join(merged, "p/f")); err != nil || string(data) != "x" {
			t.Errorf("read %q, %v", data, err)
		}
		if err := os.WriteFile(filepath.Join(merged, "p/f"), nil, 0o600); !errors.Is(err, unix.EROFS) {
			t.Errorf("write: %v, want EROFS", err)
		}
		return nil
	})
}

// TestPivotLeavesNoWayBack does what escapes a chroot (chroot(2), NOTES): keep
// a directory open and walk up from it.
func TestPivotLeavesNoWayBack(t *testing.T) {
	inMountNamespace(t, func() error {
		r, _, err := newRoot(t, func(image string) error {
			return os.WriteFile(filepath.Join(image, "inside"), nil, 0o644)
		})
		if err != nil {
			return err
		}
		defer r.Close()
		if err := r.Pivot(); err != nil {
			return err
		}
		if _, err := os.Stat("/inside"); err != nil {
			t.Errorf("the new root is not the image: %v", err)
		}
		if err := errors.Join(os.Mkdir("/jail", 0o755), unix.Chroot("/jail")); err != nil {
			return err
		}
		for range 64 {
			if err := unix.Chdir(".."); err != nil {
				return err
			}
		}
		if err := unix.Chroot("."); err != nil {
			return err
		}
		if _, err := os.Stat("/inside"); err != nil {
			t.Errorf("walking up led out of the container: %v", err)
		}
		return nil
	})
}

func TestPopulateDevMakesTheStandardDevices(t *testing.T) {
	inMountNamespace(t, func() error {
		defer unix.Umask(unix.Umask(0))
		r, merged, err := newRoot(t, empty)
		if err != nil {
			return err
		}
		defer r.Close()
		extra := []specs.LinuxDevice{{Path: "/dev/sub/fuse", Type: "c", Major: 10, Minor: 229}, {Path: "/dev/null", Type: "c", Major: 1, Minor: 3}}
		if err := errors.Join(r.Mount(dev()), r.PopulateDev(extra)); err != nil {
			return err
		}
		for name, want := range map[string][2]uint32{
			"null": {1, 3}, "zero": {1, 5}, "full": {1, 7}, "random": {1, 8}, "urandom": {1, 9}, "tty": {5, 0}, "sub/fuse": {10, 229},
		} {
			var st unix.Stat_t
			if err := unix.Stat(filepath.Join(merged, "dev", name), &st); err != nil || st.Rdev != unix.Mkdev(want[0], want[1]) || st.Mode&0o777 != 0o666 {
				t.Errorf("/dev/%s: %d:%d mode %o, %v; want %v mode 666", name, unix.Major(st.Rdev), unix.Minor(st.Rdev), st.Mode&0o777, err, want)
			}
		}
		if target, err := os.Readlink(filepath.Join(merged, "dev/ptmx")); target != "pts/ptmx" {
			t.Errorf("/dev/ptmx -> %s, %v", target, err)
		}
		return nil
	})
}

func TestReadOnlyRoot(t *testing.T) {
	inMountNamespace(t, func() error {
		r, merged, err := newRoot(t, empty)
		if err != nil {
			return err
		}
		defer r.Close()
		if err := r.SetReadOnly("/"); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(merged, "x"), nil, 0o600); !errors.Is(err, unix.EROFS) {
			t.Errorf("write: %v, want EROFS", err)
		}
		return nil
	})
}

func TestOptionsAsMountSpellsThem(t *testing.T) {
	for name, c := range map[string]struct {
		options []string
		want    mountOptions
	}{
		"proc":              {[]string{"nosuid", "noexec", "nodev"}, mountOptions{flags: unix.MS_NOSUID | unix.MS_NOEXEC | unix.MS_NODEV}},
		"tmpfs with data":   {[]string{"nosuid", "mode=755", "size=64k"}, mountOptions{flags: unix.MS_NOSUID, data: "mode=755,size=64k"}},
		"the last one wins": {[]string{"ro", "rw"}, mountOptions{}},
		"bind":              {[]string{"rbind", "ro", "rprivate"}, mountOptions{flags: unix.MS_RDONLY, bind: true, recursive: true, propagation: unix.MS_PRIVATE | unix.MS_REC}},
		"slave":             {[]string{"bind", "rslave"}, mountOptions{bind: true, propagation: unix.MS_SLAVE | unix.MS_REC}},
	} {
		if got := parseOptions(c.options); got != c.want {
			t.Errorf("%s: parseOptions(%s) = %+v, want %+v", name, strings.Join(c.options, ","), got, c.want)
		}
	}
}
