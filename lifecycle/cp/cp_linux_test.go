package cp

import (
	"archive/tar"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// world is a directory with the tree "inside" and the file "outside/secret".
func world(t *testing.T) (dir string, inside *Root) {
	t.Helper()
	dir = t.TempDir()
	for _, d := range []string{"inside/dir/sub", "outside"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []string{"inside/file", "inside/dir/f", "outside/secret"} {
		if err := os.WriteFile(filepath.Join(dir, f), []byte(f), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{
		"inside/out": dir + "/outside", "inside/dots": "../../../../../.." + dir + "/outside", "inside/self": "/proc/self/root",
		"inside/here": "dir", "inside/abs": "/dir/f", "inside/none": "/dir/new", "inside/loop": "loop",
	} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(filepath.Join(dir, "inside"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return dir, Inside(f)
}

func TestSource(t *testing.T) {
	_, r := world(t)
	for p, want := range map[string]string{
		"/file": "file", "dir": "dir/", "/dir/": "dir/", "/dir/.": "./", "/": "./", "/..": "./", "/here": "here", "/here/": "here/",
		"/here/f": "f", "/abs": "abs", "/out/secret": "", "/dots/secret": "", "/self/file": "", "/file/": "", "/nope": "", "/loop/": "",
		"/dir/../file": "file", "/../../file": "file",
	} {
		s, err := r.Source(p, false)
		got := ""
		if err == nil {
			got = s.Name
			if s.IsDir {
				got += "/"
			}
			s.Close()
		}
		if got != want {
			t.Errorf("Source(%q) = %q, %v, want %q", p, got, err, want)
		}
	}
}

func TestPlace(t *testing.T) {
	_, r := world(t)
	for _, c := range []struct{ from, to, want string }{
		{"/file", "/dir", "file"},
		{"/file", "/dir/", "file"},
		{"/file", "/dir/f", "f"},
		{"/file", "/dir/new", "new"},
		{"/file", "/none", "new"}, // what the link leads to
		{"/file", "/abs", "f"},
		{"/file", "/here", "file"},
		{"/file", "/new/", "error"},
		{"/file", "/new/x", "error"},
		{"/file", "/dir/f/", "error"},
		{"/file", "/dir/f/x", "error"},
		{"/file", "/loop", "error"},
		{"/file", "/out/new", "error"},
		{"/dir", "/dir/sub", "dir"},
		{"/dir", "/new", "new"},
		{"/dir", "/new/", "new"},
		{"/dir", "/file", "error"},
		{"/dir/.", "/dir/sub", "."},
		{"/dir/.", "/new", "new"},
	} {
		s, err := r.Source(c.from, false)
		if err != nil {
			t.Fatal(err)
		}
		got := "error"
		target, err := r.Target(c.to)
		if err == nil {
			if got, err = target.Place(s); err != nil {
				got = "error"
			}
			target.Close()
		}
		s.Close()
		if got != c.want {
			t.Errorf("from %s to %s: %q, %v, want %q", c.from, c.to, got, err, c.want)
		}
	}
}

// FuzzUnpack: whatever an archive says, nothing outside of the tree changes.
func FuzzUnpack(f *testing.F) {
	for _, h := range [][]tar.Header{
		{{Name: "../../outside/secret", Typeflag: tar.TypeReg}},
		{{Name: "out/secret", Typeflag: tar.TypeReg}},
		{{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "../outside"}, {Name: "l/secret", Typeflag: tar.TypeReg}},
		{{Name: "h", Typeflag: tar.TypeLink, Linkname: "../outside/secret"}, {Name: "h", Typeflag: tar.TypeReg}},
		{{Name: "h", Typeflag: tar.TypeLink, Linkname: "dots/secret"}},
		{{Name: ".", Typeflag: tar.TypeDir, Mode: 0o777}, {Name: "dir/", Typeflag: tar.TypeDir, Mode: 0o700}, {Name: "c", Typeflag: tar.TypeChar, Devmajor: 1}},
	} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for i := range h {
			if err := w.WriteHeader(&h[i]); err != nil {
				f.Fatal(err)
			}
		}
		w.Close()
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, archive []byte) {
		dir, r := world(t)
		before := outside(t, dir)
		target, err := r.Target("/")
		if err != nil {
			t.Fatal(err)
		}
		defer target.Close()
		_, _ = target.Unpack(t.Context(), bytes.NewReader(archive), false)
		if after := outside(t, dir); after != before {
			t.Errorf("outside is other than before:\n%s\n%s", before, after)
		}
	})
}

// outside is all that there is beside the tree.
func outside(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == filepath.Join(dir, "inside") {
			return filepath.SkipDir
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		all.WriteString(path)
		all.WriteString(d.Type().String())
		all.WriteString(strings.Repeat(" link", int(st.Nlink)))
		if d.Type().IsRegular() {
			text, err := os.ReadFile(path)
			all.Write(text)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
