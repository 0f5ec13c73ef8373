package unpack

import (
	"archive/tar"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/privtest"
)

func TestRemove(t *testing.T) {
	privtest.Require(t, "root")
	v := newVictim(t)
	before := v.state(t)
	deep := strings.Repeat("d/", 1000)
	path, err := Flatten(t.Context(), v.rootfs, layers(t, v.aim([]item{
		file("etc/passwd", "x"), symlink("l", "{victim}"), symlink("etc/l", "{up}"), file(deep+"f", "x"),
		folder("closed").with(func(h *tar.Header) { h.Mode = 0 }),
	})), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second finds nothing
		if err := Remove(path); err != nil {
			t.Fatal(err)
		}
		if entries, err := os.ReadDir(v.rootfs); err != nil || len(entries) != 0 {
			t.Errorf("left %v, %v", entries, err)
		}
	}
	if after := v.state(t); after != before {
		t.Errorf("outside of the root\nbefore: %s\nafter:  %s", before, after)
	}
	if err := Remove(filepath.Join(t.TempDir(), "none", filepath.Base(path))); err != nil {
		t.Errorf("below a directory that is missing: %v", err)
	}
	t.Chdir(filepath.Join(v.path, "sub")) // where a mistake does no harm
	for _, foreign := range []string{v.path, v.rootfs, "", ".", "..", filepath.Join(v.rootfs, ".tmp-x")} {
		if err := Remove(foreign); err == nil || !strings.Contains(err.Error(), "not the directory of an unpacked image") {
			t.Errorf("Remove(%q) = %v", foreign, err)
		}
	}
}

// Links make trees deeper than any path, and than a process may open directories.
func TestRemoveDeeperThanDescriptors(t *testing.T) {
	privtest.Require(t, "root")
	var items []item
	deep := strings.Repeat("descending/", 300)
	for i := range 3 {
		if i > 0 {
			deep = fmt.Sprintf("l%d/", i-1) + strings.Repeat("descending/", 300)
		}
		items = append(items, folder(deep), symlink(fmt.Sprintf("l%d", i), "/"+deep))
	}
	items = append(items, file("l2/f", "x"))
	path, err := Flatten(t.Context(), rootDir(t), layers(t, items), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	few := old
	few.Cur = 100
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Setrlimit(unix.RLIMIT_NOFILE, &old) }()
	if err := Remove(path); err != nil {
		t.Errorf("900 levels with 100 descriptors: %v", err)
	}
}
