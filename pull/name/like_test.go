package name

import (
	"strings"
	"testing"

	"github.com/distribution/reference"
)

// FuzzLikeDistribution holds Parse against Docker's own package: the same words
// are taken, and mean the same.
func FuzzLikeDistribution(f *testing.F) {
	for _, word := range []string{
		"", "alpine", "alpine:3.20", "A/b", "a/B", "quay.io/a/b:c", "index.docker.io/x", "docker.io/x/y", "localhost/x",
		"localhost:5000/x:Y", "[::1]:5000/x", "[fe80::]/x", "[]/x", "[:]x/y", "a.b-/x", "-a.b/x", "a_b.c/x", "A_b.c/x", "a..b/x", "a.b:/x", "a:1/x",
		"a..b", "a__b", "a___b", "a--b", "a-_b", "x:", "x:.a", "x@", "x@sha256:" + zeros, "x:y@sha256:" + zeros, "x@SHA256:" + zeros,
		"x@sha256:" + strings.Repeat("A", 64), "x@sha512:" + zeros + zeros, "x@sha384:" + zeros + zeros[:32], "x@md5:" + zeros[:32],
		zeros, "x/" + zeros, zeros + ":a", strings.Repeat("a", 247), strings.Repeat("a", 248), "q.io/" + strings.Repeat("a", 255), "q.io/" + strings.Repeat("a", 256),
		"a_b.c/" + strings.Repeat("a", 249), "a_b.c/" + strings.Repeat("a", 250), "x:" + strings.Repeat("a", 128), "x:" + strings.Repeat("a", 129),
		"x\n", "\xff", "a.\xff/x", "\u212a.com/x", "x:\u212a", "\u0130/x", "./x", ".x/y", ":/x", "docker.io/", "/x", "a/", "library/a/b", "a@b/c", "a:b@c:d/e",
	} {
		f.Add(word)
	}
	f.Fuzz(like)
}

// TestLikeDistribution tries every word of up to five characters that the grammar
// sets store by.
func TestLikeDistribution(t *testing.T) {
	words := []string{""}
	for range 5 {
		var longer []string
		for _, word := range words {
			for _, c := range "aA0._-:/[]@" {
				longer = append(longer, word+string(c))
			}
		}
		for _, word := range longer {
			like(t, word)
		}
		if testing.Short() && len(longer) > 10_000 {
			return
		}
		words = longer
	}
}

// like fails if Parse and Docker's package differ about word.
func like(t *testing.T, word string) {
	t.Helper()
	got, err := Parse(word)
	theirs, theirErr := reference.ParseNormalizedNamed(word)
	if (err == nil) != (theirErr == nil) {
		t.Fatalf("Parse(%q) = %s, %v, theirs %v, %v", word, got, err, theirs, theirErr)
	}
	if err != nil {
		if hinted, ok := err.(interface{ Hint() string }); !ok || hinted.Hint() == "" {
			t.Errorf("Parse(%q): %v has no hint", word, err)
		}
		if got != (Ref{}) {
			t.Errorf("Parse(%q) = %s beside %v", word, got, err)
		}
		return
	}
	theirs = reference.TagNameOnly(theirs)
	want := Ref{Domain: reference.Domain(theirs), Path: reference.Path(theirs)}
	if tagged, ok := theirs.(reference.Tagged); ok {
		want.Tag = tagged.Tag()
	}
	if digested, ok := theirs.(reference.Digested); ok {
		want.Digest = digested.Digest()
	}
	if got != want {
		t.Errorf("Parse(%q) = %#v, theirs %#v", word, got, want)
	}
	for what, c := range map[string][2]string{
		"String":             {got.String(), theirs.String()},
		"Familiar":           {got.Familiar(), reference.FamiliarString(theirs)},
		"Repository":         {got.Repository(), theirs.Name()},
		"FamiliarRepository": {got.FamiliarRepository(), reference.FamiliarName(theirs)},
	} {
		if c[0] != c[1] {
			t.Errorf("%s of %q = %q, theirs %q", what, word, c[0], c[1])
		}
	}
	if again, err := Parse(got.String()); err != nil || again != got {
		t.Errorf("Parse(%q) = %s, which reads as %#v, %v", word, got, again, err)
	}
}
