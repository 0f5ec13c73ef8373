package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	digest "github.com/opencontainers/go-digest"

	"github.com/learnbox/learnbox/pull/store"
)

// withPrefix makes images until one has an ID that begins like prefix.
func withPrefix(t *testing.T, prefix, salt string) image {
	t.Helper()
	for i := range 100_000 {
		img := makeImage(t, "2020-01-01T00:00:00Z", fmt.Sprint(salt, i))
		if strings.HasPrefix(img.id.Encoded(), prefix) {
			return img
		}
	}
	t.Fatalf("no ID begins with %q", prefix)
	return image{}
}

func TestFind(t *testing.T) {
	s := open(t)
	a, a2, b := withPrefix(t, "ab", "x"), withPrefix(t, "ab", "y"), withPrefix(t, "c0", "z")
	pulled := digest.FromString("index of a")
	put(t, s, a, "alpine:3.20.3", pulled)
	put(t, s, a2, "quay.io/centos7/httpd", "")
	put(t, s, b, "ab", "") // a name that looks like the start of other images' IDs

	full := a.id.Encoded()
	for word, want := range map[string]digest.Digest{
		"alpine:3.20.3":                         a.id,
		"docker.io/library/alpine:3.20.3":       a.id,
		"library/alpine:3.20.3":                 a.id,
		"quay.io/centos7/httpd":                 a2.id,
		"quay.io/centos7/httpd:latest":          a2.id,
		"alpine@" + pulled.String():             a.id,
		"alpine:whatever@" + pulled.String():    a.id,
		full:                                    a.id,
		"sha256:" + full:                        a.id,
		full[:12]:                               a.id,
		"sha256:" + full[:20]:                   a.id,
		"c":                                     b.id,
		"ab":                                    b.id, // the name wins
		"index.docker.io/library/alpine:3.20.3": a.id,
		"docker.io/alpine:3.20.3":               a.id,
		"alpine:3.20.3@" + pulled.String():      a.id,
		"docker.io/library/ab:latest":           b.id,
		"docker.io/library/alpine@" + string(pulled): a.id,
	} {
		if img, err := s.Find(t.Context(), word); err != nil || img.ID != want {
			t.Errorf("Find(%q) = %v, %v, want %v", word, img.ID, err, want)
		}
	}
	for _, word := range []string{
		"", "alpine", "alpine:3", "Alpine:3.20.3", "nothing", "0123", "sha256:", "busybox@" + pulled.String(),
		"alpine@" + digest.FromString("other").String(), full + "0", strings.ToUpper(full[:6]), "../x",
	} {
		if img, err := s.Find(t.Context(), word); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Find(%q) = %v, %v, want ErrNotFound", word, img.ID, err)
		}
	}
	var amb *store.AmbiguousError
	if _, err := s.Find(t.Context(), "sha256:ab"); !errors.As(err, &amb) || len(amb.IDs) != 2 {
		t.Errorf("Find(sha256:ab): %v, want an *AmbiguousError with 2 IDs", err)
	} else if !strings.Contains(err.Error(), full[:12]) || amb.Hint() == "" {
		t.Errorf("Error() = %q, Hint() = %q: want the candidates and a hint", err, amb.Hint())
	}
}

func TestMovedTagLeavesAnUntaggedImage(t *testing.T) {
	s := open(t)
	v1, v2 := makeImage(t, "2020-01-01T00:00:00Z", "1"), makeImage(t, "2021-01-01T00:00:00Z", "2")
	put(t, s, v1, "alpine", digest.FromString("d1"))
	put(t, s, v2, "alpine", digest.FromString("d2"))
	if img := find(t, s, "alpine"); img.ID != v2.id {
		t.Errorf("alpine is %v, want the new image", img.ID)
	}
	old := find(t, s, v1.id.Encoded())
	if len(old.Names) != 0 || len(old.RepoDigests) != 1 {
		t.Errorf("the old image has the names %q and the digests %q, want none and one", old.Names, old.RepoDigests)
	}
	if got := find(t, s, "alpine@"+digest.FromString("d1").String()); got.ID != v1.id {
		t.Errorf("the old digest means %v, want the old image", got.ID)
	}
}

// The same image under two names, one of which moves away: no entry without a
// name stays beside the one that has one.
func TestMovedTagOfAnImageWithTwo(t *testing.T) {
	s := open(t)
	a, b := makeImage(t, "2020-01-01T00:00:00Z", "1"), makeImage(t, "2021-01-01T00:00:00Z", "2")
	put(t, s, a, "alpine:3", digest.FromString("d1"))
	put(t, s, a, "alpine:latest", digest.FromString("d1"))
	put(t, s, b, "alpine:latest", digest.FromString("d2"))
	if n := len(readIndex(t, s).Manifests); n != 2 {
		t.Errorf("%d entries, want 2", n)
	}
	if img := find(t, s, "alpine:3"); len(img.RepoDigests) != 1 || len(img.Names) != 1 {
		t.Errorf("alpine:3 has %q and %q", img.Names, img.RepoDigests)
	}
}

// An index has one digest and images for several platforms: it means the one
// pulled last, as in Docker.
func TestRepoDigestMeansOneImage(t *testing.T) {
	s := open(t)
	amd64, i386 := makeImage(t, "2020-01-01T00:00:00Z", "amd64"), makeImage(t, "2020-01-01T00:00:00Z", "386")
	d := digest.FromString("index")
	put(t, s, amd64, "alpine", d)
	put(t, s, i386, "alpine", d)
	if img := find(t, s, "alpine@"+d.String()); img.ID != i386.id {
		t.Errorf("the digest means %v, want the image pulled last", img.ID)
	}
	if img := find(t, s, amd64.id.Encoded()); len(img.RepoDigests) != 0 {
		t.Errorf("the other one still has %q", img.RepoDigests)
	}
}

func TestPullByDigestGivesNoTag(t *testing.T) {
	s := open(t)
	img := makeImage(t, "2020-01-01T00:00:00Z", "1")
	d := digest.FromString("d")
	for _, name := range []string{"alpine@" + d.String(), "alpine:3@" + d.String()} {
		if got := put(t, s, img, name, d); len(got.Names) != 0 || len(got.RepoDigests) != 1 {
			t.Errorf("%s: names %q, digests %q", name, got.Names, got.RepoDigests)
		}
	}
	if n := len(readIndex(t, s).Manifests); n != 1 {
		t.Errorf("%d entries, want 1", n)
	}
}

func TestTag(t *testing.T) {
	s := open(t)
	a, b := makeImage(t, "2020-01-01T00:00:00Z", "1"), makeImage(t, "2021-01-01T00:00:00Z", "2")
	put(t, s, a, "alpine:3", digest.FromString("d1"))
	put(t, s, b, "busybox", "")
	if err := s.Tag(t.Context(), a.id.Encoded()[:8], named(t, "busybox")); err != nil {
		t.Fatal(err)
	}
	if img := find(t, s, "busybox"); img.ID != a.id || len(img.Names) != 2 {
		t.Errorf("busybox is %v with %q, want the image of alpine:3 with both names", img.ID, img.Names)
	}
	if img := find(t, s, b.id.Encoded()); len(img.Names) != 0 {
		t.Errorf("the image that was busybox still has %q", img.Names)
	}
	if err := s.Tag(t.Context(), "missing", named(t, "x")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("tag of a missing image: %v", err)
	}
	if err := s.Tag(t.Context(), "busybox", named(t, "x@"+digest.FromString("").String())); err == nil {
		t.Error("a digest was given away")
	}
	before := len(readIndex(t, s).Manifests)
	if err := s.Tag(t.Context(), "busybox", named(t, "busybox")); err != nil || len(readIndex(t, s).Manifests) != before {
		t.Errorf("tag with the name that it has: %v", err)
	}
}

// Readers neither wait nor fail while tags move and images go.
func TestReadersBesideWriters(t *testing.T) {
	s := open(t)
	imgs := []image{makeImage(t, "2020-01-01T00:00:00Z", "1"), makeImage(t, "2021-01-01T00:00:00Z", "2")}
	put(t, s, imgs[0], "alpine", "")
	var wg sync.WaitGroup
	for w := range 2 {
		wg.Go(func() {
			for i := range 50 {
				put(t, s, imgs[(i+w)%2], "alpine", "")
				put(t, s, imgs[(i+w)%2], fmt.Sprint("mine", w), "")
			}
		})
	}
	for range 500 {
		if _, err := s.Find(t.Context(), "alpine"); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	if n := len(readIndex(t, s).Manifests); n > 5 {
		t.Errorf("%d entries after two writers: a change was lost or doubled", n)
	}
	find(t, s, "mine0")
	find(t, s, "mine1")
}

// Find is on the way of every run. This is not a benchmark: it only notices when
// a directory walk or the like creeps in.
func TestFindIsFast(t *testing.T) {
	s := open(t)
	for i := range 50 {
		put(t, s, makeImage(t, "2020-01-01T00:00:00Z", fmt.Sprint(i)), fmt.Sprintf("image%d:1.2.3", i), digest.FromString(fmt.Sprint(i)))
	}
	best := time.Hour
	for range 20 {
		start := time.Now()
		find(t, s, "image42:1.2.3")
		best = min(best, time.Since(start))
	}
	t.Logf("the best of 20: %v", best)
	if best > 2*time.Millisecond {
		t.Errorf("Find among 50 images took %v", best)
	}
}

func BenchmarkFind(b *testing.B) {
	s, err := store.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	if _, err := s.Import(b.Context(), makeImage(b, "2020-01-01T00:00:00Z", "a").files, named(b, "alpine:3.20.3")); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.Find(b.Context(), "alpine:3.20.3"); err != nil {
			b.Fatal(err)
		}
	}
}
