package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/learnbox/learnbox/pull/store"
)

// What Docker prints, word for word.
func TestRemove(t *testing.T) {
	base, top := digest.FromString("base"), digest.FromString("top")
	chain := digest.FromString(base.String() + " " + top.String())
	d := digest.FromString("index")
	type setup func(t *testing.T, s *store.Store) image
	one := func(t *testing.T, s *store.Store) image {
		img := makeImage(t, "2020-01-01T00:00:00Z", "base", "top")
		put(t, s, img, "alpine:3", d)
		return img
	}
	two := func(t *testing.T, s *store.Store) image {
		img := one(t, s)
		if err := s.Tag(t.Context(), "alpine:3", named(t, "alpine:mine")); err != nil {
			t.Fatal(err)
		}
		return img
	}
	repos := func(t *testing.T, s *store.Store) image {
		img := one(t, s)
		if err := s.Tag(t.Context(), "alpine:3", named(t, "quay.io/x/y:1")); err != nil {
			t.Fatal(err)
		}
		return img
	}
	shared := func(t *testing.T, s *store.Store) image {
		put(t, s, makeImage(t, "2020-01-01T00:00:00Z", "base"), "base", "")
		return one(t, s)
	}
	for what, c := range map[string]struct {
		setup setup
		word  string // ID and REF stand for the image's
		force bool
		want  string // lines, "refused", with ID for the image's
	}{
		"the last tag takes the image": {
			one, "alpine:3", false,
			"Untagged: alpine:3\nUntagged: alpine@" + d.String() + "\nDeleted: ID\nDeleted: " + chain.String() + "\nDeleted: " + base.String(),
		},
		"one tag of two":             {two, "alpine:3", false, "Untagged: alpine:3"},
		"the last tag of a repo":     {repos, "alpine:3", false, "Untagged: alpine:3\nUntagged: alpine@" + d.String()},
		"by digest, tags stay":       {one, "alpine@" + d.String(), false, "Untagged: alpine@" + d.String()},
		"by ID, two tags":            {two, "ID", false, "refused"},
		"by ID, two repositories":    {repos, "ID", false, "refused"},
		"by ID, one tag":             {one, "ID", false, "Untagged: alpine:3\nUntagged: alpine@" + d.String() + "\nDeleted: ID\nDeleted: " + chain.String() + "\nDeleted: " + base.String()},
		"by ID, two tags, by force":  {two, "ID", true, "Untagged: alpine:3\nUntagged: alpine:mine\nUntagged: alpine@" + d.String() + "\nDeleted: ID\nDeleted: " + chain.String() + "\nDeleted: " + base.String()},
		"layers of others stay":      {shared, "alpine:3", false, "Untagged: alpine:3\nUntagged: alpine@" + d.String() + "\nDeleted: ID\nDeleted: " + chain.String()},
		"a name by force is only it": {two, "alpine:mine", true, "Untagged: alpine:mine"},
	} {
		t.Run(what, func(t *testing.T) {
			s := open(t)
			img := c.setup(t, s)
			word := strings.ReplaceAll(c.word, "ID", img.id.Encoded()[:12])
			r, err := s.Remove(t.Context(), word, c.force)
			got := strings.ReplaceAll(strings.Join(r.Lines(), "\n"), img.id.String(), "ID")
			if refused, ok := errors.AsType[*store.ReferencedError](err); ok {
				got = "refused"
				if len(refused.Names) < 2 || refused.Hint() == "" {
					t.Errorf("refused without names or hint: %v", err)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("Remove(%s) =\n%s\nwant\n%s", word, got, c.want)
			}
			_, err = s.Find(t.Context(), img.id.Encoded())
			if gone := strings.Contains(c.want, "Deleted"); gone != errors.Is(err, store.ErrNotFound) || gone != (r.Image != nil) {
				t.Errorf("afterwards Find says %v, Removed.Image is %v", err, r.Image)
			}
		})
	}
}

func TestRemoveDeletesWhatNothingRefersTo(t *testing.T) {
	s := open(t)
	a := makeImage(t, "2020-01-01T00:00:00Z", "base", "a")
	b := makeImage(t, "2021-01-01T00:00:00Z", "base", "b")
	index := []byte("pretend this is an index")
	d := v1.Descriptor{Digest: digest.FromBytes(index), Size: int64(len(index))}
	if err := s.WriteBlob(d, index); err != nil {
		t.Fatal(err)
	}
	put(t, s, a, "a", d.Digest)
	put(t, s, b, "b", "")
	if _, err := s.Remove(t.Context(), "a", false); err != nil {
		t.Fatal(err)
	}
	want := []string{b.manifest.Digest.Encoded(), b.id.Encoded(), digest.FromString("base").Encoded(), digest.FromString("b").Encoded()}
	slices.Sort(want)
	if got := blobs(t, s); !slices.Equal(got, want) {
		t.Errorf("blobs left:\n%q\nwant\n%q", got, want)
	}
	if _, err := s.Remove(t.Context(), "b", false); err != nil {
		t.Fatal(err)
	}
	if got := blobs(t, s); len(got) != 0 {
		t.Errorf("blobs left in the end: %q", got)
	}
	if _, err := s.Remove(t.Context(), "b", false); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("once more: %v", err)
	}
}

// An untagged image and one whose config is damaged can be removed.
func TestRemoveOddImages(t *testing.T) {
	s := open(t)
	a, b := makeImage(t, "2020-01-01T00:00:00Z", "1"), makeImage(t, "2021-01-01T00:00:00Z", "2")
	put(t, s, a, "x", "")
	put(t, s, b, "x", "")
	r, err := s.Remove(t.Context(), a.id.Encoded()[:10], false)
	if err != nil || len(r.Untagged) != 0 || len(r.Deleted) != 2 {
		t.Errorf("untagged: %+v, %v", r, err)
	}
	if err := os.WriteFile(filepath.Join(s.Dir(), "blobs/sha256", b.id.Encoded()), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Remove(t.Context(), "x", false); err != nil {
		t.Errorf("damaged: %v", err)
	}
	if _, err := s.Find(t.Context(), "x"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("afterwards: %v", err)
	}
}

// A blob that a pull has found in the store, or has just brought, stays there
// until the pull has named its image.
func TestHoldKeepsBlobs(t *testing.T) {
	s := open(t)
	a := makeImage(t, "2020-01-01T00:00:00Z", "base")
	put(t, s, a, "a", "")
	hold, err := s.Hold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Remove(t.Context(), "a", false); err != nil {
		t.Fatal(err)
	}
	if err := s.Clean(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if got := blobs(t, s); len(got) != 3 {
		t.Errorf("%d blobs beside a hold, want all 3", len(got))
	}
	if err := hold.Release(); err != nil {
		t.Fatal(err)
	}
	if err := s.Clean(t.Context(), time.Hour); err != nil {
		t.Fatal(err)
	}
	if got := blobs(t, s); len(got) != 3 {
		t.Errorf("%d blobs after cleaning what is an hour old, want all 3", len(got))
	}
	if err := s.Clean(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if got := blobs(t, s); len(got) != 0 {
		t.Errorf("%d blobs after the hold, want none", len(got))
	}
}

func TestClean(t *testing.T) {
	s := open(t)
	put(t, s, makeImage(t, "2020-01-01T00:00:00Z", "used"), "used", "")
	before := blobs(t, s)
	half := v1.Descriptor{Digest: digest.FromString("0123456789"), Size: 10}
	busy := v1.Descriptor{Digest: digest.FromString("9876543210"), Size: 10}
	var arriving []*store.Ingest
	for _, d := range []v1.Descriptor{half, busy} {
		g, err := s.Ingest(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.Write([]byte("01234")); err != nil {
			t.Fatal(err)
		}
		arriving = append(arriving, g)
	}
	if err := arriving[0].Close(nil); err != nil {
		t.Fatal(err)
	}
	for _, litter := range []string{".index.json.atomic-x", "blobs/sha256/.abc.atomic-y"} {
		if err := os.WriteFile(filepath.Join(s.Dir(), litter), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Clean(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if got := list(t, filepath.Join(s.Dir(), "ingest")); !slices.Equal(got, []string{"sha256-" + busy.Digest.Encoded()}) {
		t.Errorf("partial files left: %q, want the one that is being written", got)
	}
	if got := blobs(t, s); !slices.Equal(got, before) {
		t.Errorf("blobs: %q, want %q", got, before)
	}
	if got := list(t, s.Dir()); slices.Contains(got, ".index.json.atomic-x") {
		t.Errorf("stale temporary left: %q", got)
	}
	if err := arriving[1].Close(nil); err != nil {
		t.Fatal(err)
	}
}
