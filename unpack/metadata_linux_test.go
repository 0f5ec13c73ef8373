package unpack

import (
	"archive/tar"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/privtest"
)

func TestMetadata(t *testing.T) {
	owned := func(mode int64, uid, gid int) func(*tar.Header) {
		return func(h *tar.Header) { h.Mode, h.Uid, h.Gid = mode, uid, gid }
	}
	at := func(s, ns int64) func(*tar.Header) {
		return func(h *tar.Header) { h.ModTime = time.Unix(s, ns) }
	}
	const when = " dev 0:0 at 1500000000.123456789"
	tests := map[string]struct {
		make item
		want string
	}{
		"a file":                       {file("x", "y").with(owned(0o640, 1, 2)), "100640 1:2" + when},
		"a file nobody may touch":      {file("x", "y").with(owned(0, 1, 2)), "100000 1:2" + when},
		"set-uid survives chown":       {file("x", "y").with(owned(0o4755, 1000, 1000)), "104755 1000:1000" + when},
		"set-gid without x":            {file("x", "y").with(owned(0o2640, 1000, 1000)), "102640 1000:1000" + when},
		"all bits":                     {file("x", "").with(owned(0o7777, 0, 0)), "107777 0:0" + when},
		"a sticky directory":           {folder("x").with(owned(0o1777, 3, 4)), "041777 3:4" + when},
		"a set-gid directory":          {folder("x").with(owned(0o2775, 3, 4)), "042775 3:4" + when},
		"a closed directory":           {folder("x").with(owned(0, 3, 4)), "040000 3:4" + when},
		"a link":                       {symlink("x", "none").with(owned(0o777, 5, 6)), "120777 5:6" + when},
		"a fifo":                       {node(tar.TypeFifo, "x", 0, 0).with(owned(0o4622, 7, 8)), "014622 7:8" + when},
		"the null device":              {node(tar.TypeChar, "x", 1, 3).with(owned(0o666, 0, 5)), "020666 0:5 dev 1:3 at 1500000000.123456789"},
		"the largest owner":            {file("x", "").with(owned(0o644, 4294967294, 4294967294)), "100644 4294967294:4294967294" + when},
		"a time before 1970":           {file("x", "").with(at(-5, 1)), "100644 0:0 dev 0:0 at -5.000000001"},
		"a time after nanoseconds end": {file("x", "").with(at(10_000_000_000, 7)), "100644 0:0 dev 0:0 at 10000000000.000000007"},
		"a file type in the mode":      {file("x", "").with(owned(0o40755, 0, 0)), "100755 0:0" + when},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			holds(t, tt.make.header.ModTime)
			path := flattened(t, Options{}, layers(t, []item{tt.make})...)
			got := described(lstat(t, filepath.Join(path, "x")))
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// holds skips the test where the file system cannot store the time: XFS without
// bigtime and ext3 end in 2038.
func holds(t *testing.T, at time.Time) {
	t.Helper()
	if at.IsZero() {
		return
	}
	probe := filepath.Join(t.TempDir(), "probe")
	if err := os.WriteFile(probe, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	want := unix.Timespec{Sec: at.Unix(), Nsec: int64(at.Nanosecond())}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, probe, []unix.Timespec{want, want}, 0); err != nil {
		t.Fatal(err)
	}
	if got := lstat(t, probe).Mtim; got != want {
		t.Skipf("the file system of %s cannot store the time %v", probe, at)
	}
}

func TestRootDirectory(t *testing.T) {
	if got := described(lstat(t, flattened(t, Options{}, layers(t, []item{file("x", "")})...))); !strings.HasPrefix(got, "040755 0:0") {
		t.Errorf("without an entry the root is %s, want 0755 of root", got)
	}
	for _, name := range []string{"./", "/", "."} {
		own := folder(name).with(func(h *tar.Header) { h.Mode, h.Uid = 0o711, 9 })
		path := flattened(t, Options{}, layers(t, []item{own, file("x", "")}, []item{file("y", ""), file(".wh.x", "")})...)
		if got, want := described(lstat(t, path)), "040711 9:0 dev 0:0 at 1500000000.123456789"; got != want {
			t.Errorf("root called %q\ngot  %s\nwant %s", name, got, want)
		}
		if st := lstat(t, filepath.Dir(path)); st.Mode&0o777 != 0o700 {
			t.Errorf("above the root is mode %o, want 0700", st.Mode)
		}
	}
}

func TestMissingParents(t *testing.T) {
	set := folder("set").with(func(h *tar.Header) { h.Mode, h.Gid = 0o2775, 77 })
	path := flattened(t, Options{}, layers(t, []item{set, file("set/a/b/f", "x"), file("c/f", "x")})...)
	for _, name := range []string{"set/a", "set/a/b", "c"} {
		if st := lstat(t, filepath.Join(path, name)); st.Mode != unix.S_IFDIR|0o755 || st.Uid != 0 || st.Gid != 0 {
			t.Errorf("%s is %s, want 0755 of root", name, described(st))
		}
	}
	if got := described(lstat(t, filepath.Join(path, "set"))); !strings.HasSuffix(got, " at 1500000000.123456789") {
		t.Errorf("the directory that is there got new times: %s", got)
	}
}

// A directory keeps the times of its own entry, whatever happens in it and whenever.
func TestDirectoryTimes(t *testing.T) {
	path := flattened(t, Options{}, layers(
		t,
		[]item{folder("a"), folder("a/b"), file("a/b/f", "x"), file("a/f", "x"), file("z/f", ""), folder("z")},
		[]item{file("a/b/g", ""), hardlink("a/h", "a/b/g"), file("a/.wh.f", ""), symlink("a/l", "b"), file("a/l/k", "")},
	)...)
	for _, name := range []string{"a", "a/b", "z"} {
		if got := described(lstat(t, filepath.Join(path, name))); !strings.HasSuffix(got, " at 1500000000.123456789") {
			t.Errorf("%s: %s, want the time of its entry", name, got)
		}
	}
}

func TestAccessTime(t *testing.T) {
	i := file("x", "").with(func(h *tar.Header) { h.AccessTime = time.Unix(1_600_000_000, 5) })
	st := lstat(t, filepath.Join(flattened(t, Options{}, layers(t, []item{i, file("y", "")})...), "x"))
	if st.Atim.Sec != 1_600_000_000 || st.Atim.Nsec != 5 || st.Mtim.Sec != someTime().Unix() {
		t.Errorf("atime %v, mtime %v", st.Atim, st.Mtim)
	}
}

func TestBadOwners(t *testing.T) {
	privtest.Require(t, "root")
	for _, id := range []int{-1, 4294967295, 4294967296, 1 << 40} {
		for _, make := range []item{file("x", ""), folder("x"), symlink("x", "y"), node(tar.TypeFifo, "x", 0, 0), folder("./")} {
			for _, change := range []func(*tar.Header){func(h *tar.Header) { h.Uid = id }, func(h *tar.Header) { h.Gid = id }} {
				_, err := Flatten(t.Context(), rootDir(t), layers(t, []item{make.with(change)}), Options{})
				if err == nil || !strings.Contains(err.Error(), "out of range") {
					t.Errorf("owner %d of %q: %v", id, make.header.Typeflag, err)
				}
			}
		}
	}
}

func TestXattrs(t *testing.T) {
	capability := "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" // cap_net_bind_service+ep
	x := func(pairs ...string) func(*tar.Header) {
		return func(h *tar.Header) {
			h.PAXRecords = map[string]string{}
			for i := 0; i < len(pairs); i += 2 {
				h.PAXRecords[xattrRecord+pairs[i]] = pairs[i+1]
			}
		}
	}
	probe := filepath.Join(t.TempDir(), "probe")
	if err := os.WriteFile(probe, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setxattr(probe, "user.probe", nil, 0); err != nil {
		t.Skipf("the file system of %s has no user attributes: %v", probe, err)
	}
	var skipped []string
	path := flattened(t, Options{Skipped: func(s Skip) { skipped = append(skipped, s.Name+": "+s.Why) }}, layers(
		t,
		[]item{
			file("ping", "x").with(x("security.capability", capability, "user.note", "hi")),
			folder("d").with(x("user.lower", "1", "user.both", "1")),
			file("bad", "x").with(x("trusted.overlay.opaque", "y", "user.overlay.redirect", "/etc", "trusted.x", "y", "security.selinux", "z", "user.", "n")),
			folder("opaque").with(x("trusted.overlay.opaque", "y")),
		},
		[]item{folder("d").with(x("user.both", "2"))},
	)...)
	want := map[string]map[string]string{
		"ping":   {"security.capability": capability, "user.note": "hi"},
		"d":      {"user.both": "2"},
		"bad":    {},
		"opaque": {},
	}
	for name, attrs := range want {
		got := xattrs(t, filepath.Join(path, name))
		if fmt.Sprint(got) != fmt.Sprint(attrs) {
			t.Errorf("%s has %q, want %q", name, got, attrs)
		}
	}
	if len(skipped) != 6 {
		t.Errorf("told of %q, want 6", skipped)
	}
}

func xattrs(t *testing.T, path string) map[string]string {
	t.Helper()
	buf := make([]byte, 64<<10)
	n, err := unix.Llistxattr(path, buf)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(buf[:n]), "\x00"), "\x00") {
		value := make([]byte, 1<<10)
		if name == "" {
			continue
		}
		n, err := unix.Lgetxattr(path, name, value)
		if err != nil {
			t.Fatal(err)
		}
		got[name] = string(value[:n])
	}
	return got
}

func TestHugeXattr(t *testing.T) {
	privtest.Require(t, "root")
	huge := file("x", "").with(func(h *tar.Header) {
		h.PAXRecords = map[string]string{xattrRecord + "user.x": strings.Repeat("v", 64<<10+1)}
	})
	_, err := Flatten(t.Context(), rootDir(t), layers(t, []item{huge}), Options{})
	if err == nil || !strings.Contains(err.Error(), "Linux allows 65536") {
		t.Errorf("got %v", err)
	}
}
