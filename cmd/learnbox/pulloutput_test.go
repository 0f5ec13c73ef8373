package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	digest "github.com/opencontainers/go-digest"

	"github.com/learnbox/learnbox/pull"
	"github.com/learnbox/learnbox/pull/name"
)

func at(layer digest.Digest, phase pull.Phase, current, total int64) pull.Progress {
	return pull.Progress{Layer: layer, Phase: phase, Current: current, Total: total}
}

func TestPullOutputOnAPipe(t *testing.T) {
	a, b := digest.FromString("a"), digest.FromString("b")
	for _, c := range []struct {
		name     string
		events   []pull.Progress
		upToDate bool
		want     string // A and B stand for the short IDs
	}{
		{"a download, bytes are not worth a line", []pull.Progress{
			at(a, pull.Waiting, 0, 9), at(a, pull.Downloading, 4, 9), at(a, pull.Downloading, 9, 9),
			at(a, pull.Verifying, 9, 9), at(a, pull.Complete, 9, 9), at(a, pull.PullDone, 0, 0),
		}, false, "A: Pulling fs layer\nA: Verifying Checksum\nA: Download complete\nA: Pull complete\n"},
		{"reports that overtake each other", []pull.Progress{
			at(a, pull.Waiting, 0, 9), at(a, pull.PullDone, 0, 0), at(a, pull.Complete, 9, 9),
		}, false, "A: Pulling fs layer\nA: Pull complete\n"},
		{"a layer that was there, beside a new one", []pull.Progress{
			at(a, pull.Exists, 9, 9), at(b, pull.Waiting, 0, 9), at(a, pull.PullDone, 0, 0), at(b, pull.PullDone, 0, 0),
		}, false, "A: Already exists\nB: Pulling fs layer\nB: Pull complete\n"},
		{"all layers were there, the name is new", []pull.Progress{at(a, pull.Exists, 9, 9)}, false, "A: Already exists\n"},
		{"nothing is new", []pull.Progress{at(a, pull.Exists, 9, 9)}, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var w strings.Builder
			ref, err := name.Parse("alpine")
			if err != nil {
				t.Fatal(err)
			}
			o := newPullOutput(&w, false)
			o.begin("alpine", ref)
			for _, e := range c.events {
				o.progress(e)
			}
			o.flush()
			o.end(ref, pull.Result{Digest: a, UpToDate: c.upToDate})
			verdict := "Downloaded newer image"
			if c.upToDate {
				verdict = "Image is up to date"
			}
			want := "Using default tag: latest\nlatest: Pulling from library/alpine\n" +
				strings.NewReplacer("A:", shortID(a)+":", "B:", shortID(b)+":").Replace(c.want) +
				"Digest: " + a.String() + "\nStatus: " + verdict + " for alpine:latest\ndocker.io/library/alpine:latest\n"
			if diff := cmp.Diff(want, w.String()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestPullOutputHeadings(t *testing.T) {
	const d = "@sha256:85992a057196372f6af21aad4d755e1be231c7cf823ac7c4f6e38ff8b263027c"
	for _, c := range []struct {
		name, word string
		onWay      bool
		want       string
	}{
		{"a bare name", "alpine", false, "Using default tag: latest\nlatest: Pulling from library/alpine\n"},
		{"a tag", "alpine:3.20", false, "3.20: Pulling from library/alpine\n"},
		{"latest, typed", "alpine:latest", false, "latest: Pulling from library/alpine\n"},
		{"another registry", "quay.io/centos7/httpd-24-centos7", false, "Using default tag: latest\nlatest: Pulling from centos7/httpd-24-centos7\n"},
		{"a port is no tag", "localhost:5000/a", false, "Using default tag: latest\nlatest: Pulling from a\n"},
		{"a digest", "alpine" + d, false, "docker.io/library/alpine" + d + ": Pulling from library/alpine\n"},
		{"on the way of a run", "alpine", true, "latest: Pulling from library/alpine\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var w strings.Builder
			ref, err := name.Parse(c.word)
			if err != nil {
				t.Fatal(err)
			}
			o := newPullOutput(&w, false)
			o.onWay = c.onWay
			o.begin(c.word, ref)
			if w.String() != c.want {
				t.Errorf("pull %s begins with %q, want %q", c.word, w.String(), c.want)
			}
		})
	}
}

// A line that is wider than the terminal would wrap and shift all the others.
func TestBarsFitTheTerminal(t *testing.T) {
	l := layerLine{id: digest.FromString("a"), status: string(pull.Downloading), total: 123456789}
	for width := 1; width < 200; width++ {
		for _, l.current = range []int64{0, 1, 61728394, 123456788, 123456789, 999999999} {
			if text := l.text(width); len(text) >= width && width > 1 {
				t.Fatalf("at %d columns: %q has %d", width, text, len(text))
			}
		}
	}
	l.current = 61728394
	want := "ca978112ca1b: Downloading [============>             ]  61.73MB/123.5MB"
	if got := l.text(80); got[:26] != want[:26] || !strings.HasSuffix(got, "61.73MB/123.5MB") || !strings.Contains(got, "=>") {
		t.Errorf("half of it at 80 columns: %q", got)
	}
}
