package volume

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/privtest"
)

// image is a tree with one of each kind below /v, and links around it.
func image(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	outside := filepath.Join(dir, "outside")
	root := filepath.Join(dir, "root")
	for _, d := range []string{outside, root, root + "/v", root + "/v/sub", root + "/empty"} {
		must(t, os.Mkdir(d, 0o755))
	}
	must(t, os.WriteFile(outside+"/secret", []byte("secret"), 0o644))
	must(t, os.WriteFile(root+"/v/file", []byte("content"), 0o600))
	must(t, os.Link(root+"/v/file", root+"/v/sub/again"))
	must(t, os.Chmod(root+"/v/file", 0o640|fs.ModeSetuid))
	must(t, unix.Setxattr(root+"/v/file", "user.mine", []byte("x"), 0))
	must(t, unix.Mkfifo(root+"/v/fifo", 0o620))
	for link, to := range map[string]string{
		"v/dangling": "/no/such", "v/leads-out": outside + "/secret", "abs": "/v", "rel": "../../../v",
		"host": outside, "dots": "../outside", "loop": "loop", "proc": "/proc/self/root",
	} {
		must(t, os.Symlink(to, filepath.Join(root, link)))
	}
	must(t, os.Chtimes(root+"/v/sub", time.Unix(7, 0), time.Unix(8, 9)))
	must(t, os.Chmod(root+"/v", 0o711|fs.ModeSticky))
	must(t, os.Chtimes(root+"/v", time.Unix(5, 0), time.Unix(6, 0)))
	return root
}

// tree describes all that is below a directory.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	must(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		fmt.Fprintf(&b, "%s %o %d %d:%d %d.%d", name, st.Mode, st.Rdev, st.Uid, st.Gid, st.Mtim.Sec, st.Mtim.Nsec)
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			text, _ := os.ReadFile(path)
			var value [8]byte
			n, _ := unix.Getxattr(path, "user.mine", value[:])
			fmt.Fprintf(&b, " %d %q %q", st.Nlink, text, value[:max(n, 0)])
		case unix.S_IFLNK:
			to, _ := os.Readlink(path)
			b.WriteString(" -> " + to)
		}
		b.WriteString("\n")
		return nil
	}))
	return b.String()
}

func hold(t *testing.T, s Store) *Hold {
	t.Helper()
	h, err := s.Hold(t.Context(), Volume{Name: "data"})
	must(t, err)
	t.Cleanup(func() { h.Release() }) //nolint:errcheck // nothing was written
	return h
}

func TestFillCopiesAll(t *testing.T) {
	s, root := open(t), image(t)
	if os.Geteuid() == 0 {
		must(t, unix.Mknod(root+"/v/null", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
		must(t, os.Lchown(root+"/v/sub", 1000, 2000))
		must(t, os.Lchown(root+"/v/dangling", 3, 4))
		must(t, os.Chown(root+"/v", 5, 6))
	}
	must(t, hold(t, s).Fill(t.Context(), root, "/v"))
	if want, got := tree(t, root+"/v"), tree(t, s.Data("data")); got != want {
		t.Errorf("the copy is\n%s\nwant\n%s", got, want)
	}
	if entries, err := os.ReadDir(s.path("data")); err != nil || len(entries) != 2 {
		t.Errorf("beside the files is %v, %v", entries, err)
	}
}

// Links lead where they lead for a program in the container.
func TestFillNeverLeavesTheImage(t *testing.T) {
	for at, want := range map[string]string{
		"/abs": "dangling fifo file leads-out sub", "/rel": "dangling fifo file leads-out sub", "/abs/../v/sub": "again",
		"/host": "", "/dots": "", "/host/..": "", "/no/such": "", "/v/file": "", "/empty": "", "/loop": "error", "/proc": "error",
	} {
		s, root := open(t), image(t)
		err := hold(t, s).Fill(t.Context(), root, at)
		entries, readErr := os.ReadDir(s.Data("data"))
		must(t, readErr)
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		got := strings.Join(names, " ")
		if err != nil {
			got = "error"
		}
		if at == "/proc" && err == nil { // /proc/self/root is nothing in this image
			want = ""
		}
		if got != want {
			t.Errorf("from %s came %q (%v), want %q", at, got, err, want)
		}
	}
}

func TestFillLeavesWhatIsThere(t *testing.T) {
	s, root := open(t), image(t)
	h := hold(t, s)
	mine := filepath.Join(s.Data("data"), "mine")
	must(t, os.WriteFile(mine, nil, 0o600))
	before := tree(t, s.Data("data"))
	must(t, h.Fill(t.Context(), root, "/v"))
	if after := tree(t, s.Data("data")); after != before {
		t.Errorf("a volume with files became\n%s", after)
	}
}

// TestFillAfterACrash begins with what a dead Fill can leave.
func TestFillAfterACrash(t *testing.T) {
	s, root := open(t), image(t)
	must(t, hold(t, s).Fill(t.Context(), root, "/v"))
	_, whole, _ := strings.Cut(tree(t, s.Data("data")), "\n") // each move changes the directory's own times
	for what, leave := range map[string]func(dir string) error{
		"a copy that is not whole": func(dir string) error {
			return errors.Join(os.Mkdir(dir+"/_new", 0o700), os.WriteFile(dir+"/_new/file", []byte("conte"), 0o600))
		},
		"a copy that is whole": func(dir string) error { return os.Rename(s.Data("data"), dir+"/_fill") },
		"a copy half moved": func(dir string) error {
			return errors.Join(os.Rename(s.Data("data"), dir+"/_fill"), os.Mkdir(dir+"/_data", 0o755), os.Rename(dir+"/_fill/file", dir+"/_data/file"))
		},
	} {
		t.Run(what, func(t *testing.T) {
			dir := s.path("data")
			must(t, leave(dir))
			if _, err := os.Lstat(dir + "/_new/file"); err == nil {
				must(t, os.RemoveAll(s.Data("data")))
			}
			must(t, os.MkdirAll(s.Data("data"), 0o755))
			must(t, hold(t, s).Fill(t.Context(), root, "/v"))
			if _, got, _ := strings.Cut(tree(t, s.Data("data")), "\n"); got != whole {
				t.Errorf("it became\n%s\nwant\n%s", got, whole)
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
				t.Errorf("beside the files is %v, %v", entries, err)
			}
		})
	}
}

// What a container writes while the entries move is not replaced.
func TestFillReplacesNothing(t *testing.T) {
	s := open(t)
	h := hold(t, s)
	dir := s.path("data")
	must(t, os.Mkdir(dir+"/_fill", 0o700))
	for _, f := range []string{"_fill/a", "_fill/b"} {
		must(t, os.WriteFile(filepath.Join(dir, f), []byte("image's"), 0o600))
	}
	must(t, os.WriteFile(s.Data("data")+"/a", []byte("mine"), 0o600))
	must(t, h.Fill(t.Context(), t.TempDir(), "/v"))
	for name, want := range map[string]string{"a": "mine", "b": "image's"} {
		if got, err := os.ReadFile(filepath.Join(s.Data("data"), name)); err != nil || string(got) != want {
			t.Errorf("%s has %q, %v, want %q", name, got, err, want)
		}
	}
}

// A full disk leaves an empty volume, which the next Fill fills.
func TestFillOnAFullDisk(t *testing.T) {
	privtest.Require(t, "root")
	privtest.NoTrace(t)
	dir, root := t.TempDir(), image(t)
	must(t, os.WriteFile(root+"/v/large", make([]byte, 1<<20), 0o600))
	must(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"))
	t.Cleanup(func() { must(t, unix.Unmount(dir, 0)) })
	s := Open(dir + "/volumes")
	h, err := s.Hold(t.Context(), Volume{Name: "data"})
	must(t, err)
	err = h.Fill(t.Context(), root, "/v")
	if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "fill volume data from /v in the image: ") {
		t.Errorf("Fill = %v, want ENOSPC", err)
	}
	if entries, err := os.ReadDir(s.path("data")); err != nil || len(entries) != 2 {
		t.Errorf("beside the files is %v, %v", entries, err)
	}
	if empty, err := isEmpty(s.Data("data")); err != nil || !empty {
		t.Errorf("the volume is not empty (%v)", err)
	}
	must(t, unix.Mount("", dir, "", unix.MS_REMOUNT, "size=8m"))
	must(t, h.Fill(t.Context(), root, "/v"))
	if _, err := os.Stat(s.Data("data") + "/large"); err != nil {
		t.Error(err)
	}
	must(t, h.Release())
}
