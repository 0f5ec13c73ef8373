package unpack

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/privtest"
	"github.com/learnbox/learnbox/pull/store"
)

// These targets look for a way out of the root, as root. Should they find one, it
// must not lead into the machine of who runs them, so they unpack inside of a
// chroot that holds nothing but the victim. (It has no /proc, so fifos and devices
// end in an error there.)
//
// Their goroutines make coverage differ from run to run, which minimising cannot
// know: run them with -fuzzminimizetime 1x.

// fuzzParts are the components of which FuzzEntries makes names and targets.
func fuzzParts() []string {
	return []string{
		"a", "b", "c", ".", "..", "", "/victim", "../../victim", "secret", "sub", "link",
		".wh.a", ".wh.secret", ".wh..wh..opq", ".wh..", ".wh...", ".wh.", ".wh..wh.plnk", "/", "../..", "proc", "self",
	}
}

// fuzzKinds are the types of its entries.
const fuzzKinds = "00011122256345g"

// FuzzEntries reads its input as a script of entries, so that nearly every input is
// an archive. Each entry takes five bytes: its type, two components of its name,
// two of its target. 0xff starts the next layer.
func FuzzEntries(f *testing.F) {
	privtest.Require(f, "root")
	f.Add([]byte{7, 0, 3, 6, 3, 1, 0, 8, 0, 0, 0xff, 1, 0, 13, 0, 0, 1, 0, 12, 0, 0})
	f.Add([]byte{6, 0, 3, 7, 3, 4, 1, 3, 0, 8, 1, 1, 3, 0, 0, 9, 0, 3, 0, 0})
	f.Add([]byte{1, 0, 3, 0, 0, 4, 1, 3, 0, 3, 0xff, 1, 0, 3, 0, 0, 9, 4, 0, 0, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		parts := fuzzParts()
		part := func(b byte) string { return parts[int(b)%len(parts)] }
		var lists [][]byte
		for layer := range bytes.SplitSeq(script, []byte{0xff}) {
			var buf bytes.Buffer
			w := tar.NewWriter(&buf)
			for len(layer) >= 5 && len(layer) < 5*50 {
				h := &tar.Header{
					Typeflag: fuzzKinds[int(layer[0])%len(fuzzKinds)], Mode: 0o7777, Devmajor: 1, Devminor: 3,
					Name: part(layer[1]) + "/" + part(layer[2]), Linkname: part(layer[3]) + "/" + part(layer[4]),
				}
				if h.Typeflag == tar.TypeReg || h.Typeflag == 0 {
					h.Size = 1
				}
				if w.WriteHeader(h) == nil && h.Size > 0 {
					_, _ = io.WriteString(w, "x")
				}
				layer = layer[5:]
			}
			_ = w.Close()
			lists = append(lists, buf.Bytes())
		}
		checkInside(t, lists)
	})
}

// FuzzArchive applies bytes that may be an archive.
func FuzzArchive(f *testing.F) {
	privtest.Require(f, "root")
	for _, items := range [][]item{
		{folder("d"), file("d/f", "x"), symlink("d/l", "../../../.."), file("d/l/x", "y")},
		{symlink("l", "{victim}"), file("l/secret", "x"), file("l/.wh.secret", ""), file("l/.wh..wh..opq", "")},
		{file("a", "x"), hardlink("b", "a"), hardlink("c", "{up}/secret"), file("b", "")},
		{node(tar.TypeChar, "n", 1, 3), node(tar.TypeFifo, "p", 0, 0), file(".wh...", "")},
	} {
		f.Add(archive(f, victim{path: "/victim"}.aim(items)...))
	}
	f.Add(oldSparse(1 << 18))
	f.Add(paxSparse(1 << 18))
	f.Fuzz(func(t *testing.T, b []byte) {
		checkInside(t, [][]byte{b})
	})
}

// checkInside applies archives: whatever they hold, nothing outside of the root may
// change, and refused ones leave nothing.
func checkInside(t *testing.T, archives [][]byte) {
	t.Helper()
	var all []store.Layer
	for _, b := range archives {
		all = append(all, layerOf(b))
	}
	v := newVictim(t)
	before := v.state(t)
	chrooted(t, v.top, func() {
		path, err := Flatten(t.Context(), "/rootfs", all, Options{MaxBytes: 1 << 20, MaxEntries: 200})
		if (err == nil) != isDirectory(path) {
			t.Errorf("Flatten = %q, %v", path, err)
		}
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("two errors in one: %v", err)
			}
			return
		}
		if err := Remove(path); err != nil {
			t.Error(err)
		}
	})
	if after := v.state(t); after != before {
		t.Errorf("outside of the root\nbefore: %s\nafter:  %s", before, after)
	}
	if left := leftovers(t, v.rootfs); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

// chrooted calls do with top as the root of this process, and comes back: a process
// that keeps a directory outside of it can leave any chroot, chroot(2).
func chrooted(t *testing.T, top string, do func()) {
	t.Helper()
	out, err := os.Open("/")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	wd, err := os.Open(".")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = wd.Close() }()
	if err := unix.Chroot(top); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(unix.Fchdir(int(out.Fd())), unix.Chroot("."), unix.Fchdir(int(wd.Fd()))); err != nil {
			panic(err) // every test from here on would run in the wrong place
		}
	}()
	if err := unix.Chdir("/"); err != nil {
		panic(err)
	}
	do()
}
