package unpack

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/privtest"
)

// listing shows a tree in one line: "dir/ file=content link->target fifo|".
func listing(t testing.TB, top string) string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == top {
			return err
		}
		name, _ := filepath.Rel(top, path)
		switch kind := d.Type(); {
		case kind.IsDir():
			name += "/"
		case kind == fs.ModeSymlink:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			name += "->" + target
		case kind == fs.ModeNamedPipe:
			name += "|"
		case kind.IsRegular():
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			name += "=" + string(content)
		default:
			name += "?" + kind.String()
		}
		all = append(all, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

// A victim is what an archive would like to reach.
type victim struct{ top, path, rootfs string }

// newVictim makes a directory with a file, a link and a directory in it, beside
// the one for Flatten.
func newVictim(t testing.TB) victim {
	t.Helper()
	top := t.TempDir()
	v := victim{top: top, path: filepath.Join(top, "victim"), rootfs: filepath.Join(top, "rootfs")}
	err := errors.Join(
		os.MkdirAll(filepath.Join(v.path, "sub"), 0o750),
		os.WriteFile(filepath.Join(v.path, "secret"), []byte("untouched"), 0o600),
		os.Symlink("secret", filepath.Join(v.path, "link")),
	)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// state is everything about the victim and its neighbours that can be seen,
// including that it has no further hard links; access times aside.
func (v victim) state(t testing.TB) string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(v.top, func(path string, d fs.DirEntry, err error) error {
		if path == v.rootfs {
			return fs.SkipDir
		}
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		mtime := fmt.Sprint(st.Mtim)
		if path == v.top {
			mtime = "" // rootfs is made in it
			st.Nlink, st.Size = 0, 0
		}
		all = append(all, fmt.Sprintf("%s ino=%d mode=%o owner=%d:%d links=%d size=%d mtime=%s", path, st.Ino, st.Mode, st.Uid, st.Gid, st.Nlink, st.Size, mtime))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, "\n") + "\n" + listing(t, v.path)
}

// aim puts the victim into the names of items: {victim} is its absolute path, {up}
// the relative one from the root of the tree while it is built.
func (v victim) aim(items []item) []item {
	r := strings.NewReplacer("{victim}", v.path, "{up}", "../../victim")
	var aimed []item
	for _, i := range items {
		i.header.Name, i.header.Linkname = r.Replace(i.header.Name), r.Replace(i.header.Linkname)
		aimed = append(aimed, i)
	}
	return aimed
}

// shown takes the place of the victim on this machine out of a listing: its path,
// made anew inside of the root, becomes {victim} and comes last.
func (v victim) shown(listing string) string {
	var all []string
	for entry := range strings.FieldsSeq(listing) {
		if path, isDir := strings.CutSuffix("/"+entry, "/"); isDir && strings.HasPrefix(v.path, path+"/") {
			continue // on the way
		}
		entry = strings.ReplaceAll(" "+entry, " "+v.path[1:], " {victim}")
		all = append(all, strings.ReplaceAll(entry[1:], v.path, "{victim}"))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// A treeTest applies lower and then upper and looks at what comes of it.
type treeTest struct {
	lower, upper []item
	want         string // the listing, as shown makes it
	wantErr      string // a part of the error
}

func runTreeTests(t *testing.T, tests map[string]treeTest) {
	t.Helper()
	privtest.Require(t, "root")
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			v := newVictim(t)
			before := v.state(t)
			path, err := Flatten(t.Context(), v.rootfs, layers(t, v.aim(tt.lower), v.aim(tt.upper)), Options{})
			if after := v.state(t); after != before {
				t.Errorf("outside of the root\nbefore: %s\nafter:  %s", before, after)
			}
			if left := leftovers(t, v.rootfs); left != nil {
				t.Errorf("left behind: %v", left)
			}
			if tt.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
					t.Errorf("Flatten = %v, want an error with %q", err, tt.wantErr)
				}
				if got := listing(t, v.rootfs); got != "" {
					t.Errorf("a refused image is there: %s", got)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := v.shown(listing(t, path)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}
