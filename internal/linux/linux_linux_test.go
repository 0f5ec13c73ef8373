package linux_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
	"github.com/learnbox/learnbox/internal/privtest"
)

func TestErrorsReadLikeStrace(t *testing.T) {
	err := linux.Mount("proc", "/no/such/place", "proc", unix.MS_NOSUID|unix.MS_NODEV, "")
	const want = `mount("proc", "/no/such/place", "proc", MS_NOSUID|MS_NODEV, ""): no such file or directory (ENOENT)`
	if err == nil || os.Geteuid() == 0 && err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestOpenInStaysInside(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(
		os.Mkdir(filepath.Join(dir, "etc"), 0o755),
		os.WriteFile(filepath.Join(dir, "etc/hostname"), []byte("inside"), 0o644),
		os.Symlink("/etc/hostname", filepath.Join(dir, "absolute")),
		os.Symlink("../../../../../../etc/hostname", filepath.Join(dir, "upwards")),
		os.Symlink("/proc/self/root", filepath.Join(dir, "magic")),
	); err != nil {
		t.Fatal(err)
	}
	root, err := linux.Open(dir, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, name := range []string{"etc/hostname", "/etc/hostname", "absolute", "upwards", "../../etc/hostname"} {
		f, err := linux.OpenIn(root, name, unix.O_RDONLY, 0, unix.RESOLVE_IN_ROOT)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := make([]byte, 6)
		if _, err := f.Read(got); err != nil || string(got) != "inside" {
			t.Errorf("%s reads %q, %v", name, got, err)
		}
		f.Close()
	}
	if _, err := linux.OpenIn(root, "absolute", unix.O_RDONLY, 0, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_SYMLINKS); !errors.Is(err, unix.ELOOP) {
		t.Errorf("a link with RESOLVE_NO_SYMLINKS: %v, want ELOOP", err)
	}
}

// TestSealedProgramCannotBeWritten pins CVE-2019-5736: the copy runs, and
// nobody can open it for writing through /proc.
func TestSealedProgramCannotBeWritten(t *testing.T) {
	privtest.Require(t, "root")
	for name, empty := range map[string]string{"overlay": t.TempDir(), "memfd": "/no/such/directory"} {
		t.Run(name, func(t *testing.T) {
			program := filepath.Join(t.TempDir(), "true")
			data, err := os.ReadFile("/bin/true")
			if err == nil {
				err = os.WriteFile(program, data, 0o755)
			}
			if err != nil {
				t.Fatal(err)
			}
			f, err := linux.SealedProgram(program, empty)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			cmd := exec.Command("/proc/self/fd/3")
			cmd.ExtraFiles = []*os.File{f}
			if err := cmd.Run(); err != nil {
				t.Errorf("run it: %v", err)
			}
			if w, err := os.OpenFile(linux.FDPath(f), os.O_WRONLY, 0); err == nil {
				if _, err = w.WriteString("replaced"); err == nil {
					t.Error("it can be opened for writing and written")
				}
				w.Close()
			}
			if err := unix.Fchmod(int(f.Fd()), 0o777); name == "overlay" && !errors.Is(err, unix.EROFS) {
				t.Errorf("chmod: %v, want EROFS", err)
			}
			if now, err := os.ReadFile(program); err != nil || string(now) != string(data) {
				t.Errorf("the original has changed, or cannot be read: %v", err)
			}
		})
	}
}
