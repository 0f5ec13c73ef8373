package unpack

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/privtest"
	"github.com/learnbox/learnbox/pull/store"
)

// flattened unpacks layers that are expected to be good.
func flattened(t *testing.T, o Options, all ...store.Layer) string {
	t.Helper()
	privtest.Require(t, "root")
	path, err := Flatten(t.Context(), rootDir(t), all, o)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func lstat(t *testing.T, path string) unix.Stat_t {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		t.Fatalf("lstat %s: %v", path, err)
	}
	return st
}

// described is what stat(2) says: type and mode, owner, device and time.
func described(st unix.Stat_t) string {
	return fmt.Sprintf("%06o %d:%d dev %d:%d at %d.%09d", st.Mode, st.Uid, st.Gid, unix.Major(st.Rdev), unix.Minor(st.Rdev), st.Mtim.Sec, st.Mtim.Nsec)
}

func TestDevices(t *testing.T) {
	allowed := map[string][2]int64{
		"null": {1, 3}, "zero": {1, 5}, "full": {1, 7}, "random": {1, 8}, "urandom": {1, 9}, "tty": {5, 0}, "console": {5, 1}, "ptmx": {5, 2},
	}
	refused := map[string][2]int64{
		"whiteout": {0, 0}, "mem": {1, 1}, "kmem": {1, 2}, "port": {1, 4}, "kmsg": {1, 11}, "tty0": {4, 0}, "ttyprintk": {5, 3},
		"negative": {5, -1}, "fuse": {10, 229}, "kvm": {10, 232}, "wraps": {1 + 1<<32, 3}, "wraps2": {1, 3 + 1<<32},
	}
	var items []item
	for name, d := range allowed {
		items = append(items, node(tar.TypeChar, name, d[0], d[1]))
	}
	for name, d := range refused {
		if d[0] > 1<<21 || d[1] > 1<<21 || d[1] < 0 {
			if deviceAllowed(d[0], d[1]) {
				t.Errorf("%s is allowed", name)
			}
			continue
		}
		items = append(items, node(tar.TypeChar, "dev/"+name, d[0], d[1]))
	}
	items = append(items, node(tar.TypeBlock, "dev/sda", 8, 0), node(tar.TypeBlock, "dev/null", 1, 3))
	skipped := map[string]string{}
	path := flattened(t, Options{Skipped: func(s Skip) { skipped[s.Name] = s.Why }}, layers(t, items)...)
	for name, d := range allowed {
		st := lstat(t, filepath.Join(path, name))
		if st.Rdev != unix.Mkdev(uint32(d[0]), uint32(d[1])) || st.Mode != unix.S_IFCHR|0o620 {
			t.Errorf("%s is %s", name, described(st))
		}
	}
	if _, err := os.Lstat(filepath.Join(path, "dev")); err == nil {
		t.Errorf("devices that are off the list: %s", listing(t, filepath.Join(path, "dev")))
	}
	if why := skipped["dev/whiteout"]; !strings.Contains(why, "overlayfs") {
		t.Errorf("0:0 is left out because: %q", why)
	}
	if want := len(items) - len(allowed); len(skipped) != want {
		t.Errorf("told of %d devices, want %d: %v", len(skipped), want, skipped)
	}
}

// Zeros become holes, whether the archive stores them or not, and read the same.
func TestZerosBecomeHoles(t *testing.T) {
	const mib = 1 << 20
	body := make([]byte, 9*mib+123)
	copy(body[3*mib:], "in the middle")
	copy(body[5*mib-4:], "over an edge")
	bodies := map[string]string{
		"middle": string(body),
		"start":  string(body[3*mib : 4*mib]),
		"end":    "start" + string(make([]byte, 4*mib)),
		"zeros":  string(make([]byte, 8*mib)),
		"odd":    string(make([]byte, 100_001)) + "x",
		"small":  string(make([]byte, 4096)),
		"none":   strings.Repeat("x", mib),
	}
	var items []item
	for name, b := range bodies {
		items = append(items, file(name, b))
	}
	path := flattened(t, Options{}, layers(t, items)...)
	for name, b := range bodies {
		got, err := os.ReadFile(filepath.Join(path, name))
		if err != nil || !bytes.Equal(got, []byte(b)) {
			t.Errorf("%s does not hold what the archive does (%d bytes, want %d): %v", name, len(got), len(b), err)
		}
	}
	for name, most := range map[string]int64{"middle": 512 << 10, "zeros": 4096, "end": 128 << 10} {
		if used := lstat(t, filepath.Join(path, name)).Blocks * 512; used > most {
			t.Errorf("%s takes %d bytes on the disk, want at most %d", name, used, most)
		}
	}
}

func TestOddEntries(t *testing.T) {
	long := strings.Repeat("long/", 60) + "name"
	comment := item{header: tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "x"}}}
	contiguous := plainTar([]member{{tar.TypeCont, "cont", "abc"}})
	path := flattened(t, Options{}, layerOf(archive(t, comment, file(long, "x"), symlink("l", long))), layerOf(contiguous))
	if got, err := os.ReadFile(filepath.Join(path, "l")); err != nil || string(got) != "x" {
		t.Errorf("a long name: %q, %v", got, err)
	}
	if got, err := os.ReadFile(filepath.Join(path, "cont")); err != nil || string(got) != "abc" {
		t.Errorf("a contiguous file: %q, %v", got, err)
	}
	for _, kind := range []byte("VMDNZ") {
		odd := plainTar([]member{{kind, "odd", ""}})
		_, err := Flatten(t.Context(), rootDir(t), []store.Layer{layerOf(odd)}, Options{})
		if err == nil || !strings.Contains(err.Error(), "is of type") {
			t.Errorf("type %q: %v", kind, err)
		}
	}
}

// fixSum mends the checksum of the first header.
func fixSum(b []byte) {
	copy(b[148:156], "        ")
	sum := 0
	for _, c := range b[:512] {
		sum += int(c)
	}
	copy(b[148:156], fmt.Sprintf("%06o\x00 ", sum))
}
