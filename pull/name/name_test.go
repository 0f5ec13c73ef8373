package name

import (
	"errors"
	"strings"
	"testing"

	digest "github.com/opencontainers/go-digest"
)

const (
	zeros = "0000000000000000000000000000000000000000000000000000000000000000"
	sum   = digest.Digest("sha256:" + zeros)
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		word     string
		want     Ref
		full     string
		familiar string
	}{
		{"alpine", Ref{"docker.io", "library/alpine", "latest", ""}, "docker.io/library/alpine:latest", "alpine:latest"},
		{"alpine:3.20", Ref{"docker.io", "library/alpine", "3.20", ""}, "docker.io/library/alpine:3.20", "alpine:3.20"},
		{"alpine@" + sum.String(), Ref{"docker.io", "library/alpine", "", sum}, "docker.io/library/alpine@" + sum.String(), "alpine@" + sum.String()},
		{"alpine:3.20@" + sum.String(), Ref{"docker.io", "library/alpine", "3.20", sum}, "docker.io/library/alpine:3.20@" + sum.String(), "alpine:3.20@" + sum.String()},
		{"docker.io/library/alpine", Ref{"docker.io", "library/alpine", "latest", ""}, "docker.io/library/alpine:latest", "alpine:latest"},
		{"docker.io/alpine", Ref{"docker.io", "library/alpine", "latest", ""}, "docker.io/library/alpine:latest", "alpine:latest"},
		{"index.docker.io/alpine", Ref{"docker.io", "library/alpine", "latest", ""}, "docker.io/library/alpine:latest", "alpine:latest"},
		{"learnbox/layers:1", Ref{"docker.io", "learnbox/layers", "1", ""}, "docker.io/learnbox/layers:1", "learnbox/layers:1"},
		{"library/a/b", Ref{"docker.io", "library/a/b", "latest", ""}, "docker.io/library/a/b:latest", "library/a/b:latest"},
		{"quay.io/centos7/httpd-24", Ref{"quay.io", "centos7/httpd-24", "latest", ""}, "quay.io/centos7/httpd-24:latest", "quay.io/centos7/httpd-24:latest"},
		{"quay.io/library/x", Ref{"quay.io", "library/x", "latest", ""}, "quay.io/library/x:latest", "quay.io/library/x:latest"},
		{"localhost/x", Ref{"localhost", "x", "latest", ""}, "localhost/x:latest", "localhost/x:latest"},
		{"localhost", Ref{"docker.io", "library/localhost", "latest", ""}, "docker.io/library/localhost:latest", "localhost:latest"},
		{"host:5000", Ref{"docker.io", "library/host", "5000", ""}, "docker.io/library/host:5000", "host:5000"},
		{"host:5000/x:y", Ref{"host:5000", "x", "y", ""}, "host:5000/x:y", "host:5000/x:y"},
		{"127.0.0.1:5000/a/b:c", Ref{"127.0.0.1:5000", "a/b", "c", ""}, "127.0.0.1:5000/a/b:c", "127.0.0.1:5000/a/b:c"},
		{"[::1]:5000/x", Ref{"[::1]:5000", "x", "latest", ""}, "[::1]:5000/x:latest", "[::1]:5000/x:latest"},
		{"[FE80::1]/x", Ref{"[FE80::1]", "x", "latest", ""}, "[FE80::1]/x:latest", "[FE80::1]/x:latest"},
		{"REGISTRY/x", Ref{"REGISTRY", "x", "latest", ""}, "REGISTRY/x:latest", "REGISTRY/x:latest"},
		{"a--b.c-d/x", Ref{"a--b.c-d", "x", "latest", ""}, "a--b.c-d/x:latest", "a--b.c-d/x:latest"},
		{"my_host.com/x", Ref{"", "my_host.com/x", "latest", ""}, "my_host.com/x:latest", "my_host.com/x:latest"},
		{"a.b_c__d---e", Ref{"docker.io", "library/a.b_c__d---e", "latest", ""}, "docker.io/library/a.b_c__d---e:latest", "a.b_c__d---e:latest"},
		{"sha256:abc", Ref{"docker.io", "library/sha256", "abc", ""}, "docker.io/library/sha256:abc", "sha256:abc"},
		{"x:_.-Z", Ref{"docker.io", "library/x", "_.-Z", ""}, "docker.io/library/x:_.-Z", "x:_.-Z"},
		{"x/" + zeros, Ref{"docker.io", "x/" + zeros, "latest", ""}, "docker.io/x/" + zeros + ":latest", "x/" + zeros + ":latest"},
	} {
		r, err := Parse(c.word)
		if err != nil || r != c.want {
			t.Errorf("Parse(%q) = %#v, %v, want %#v", c.word, r, err, c.want)
		}
		if r.String() != c.full || r.Familiar() != c.familiar {
			t.Errorf("Parse(%q) is %s in full and %s for short, want %s and %s", c.word, r, r.Familiar(), c.full, c.familiar)
		}
		if again, err := Parse(r.String()); err != nil || again != r {
			t.Errorf("Parse(%q) = %#v, %v, want %#v", r.String(), again, err, r)
		}
	}
}

func TestRepository(t *testing.T) {
	r := Ref{"docker.io", "library/alpine", "3.20", sum}
	if got, want := r.Repository(), "docker.io/library/alpine"; got != want {
		t.Errorf("Repository() = %s, want %s", got, want)
	}
	if got, want := r.FamiliarRepository(), "alpine"; got != want {
		t.Errorf("FamiliarRepository() = %s, want %s", got, want)
	}
}

func TestParseRefuses(t *testing.T) {
	const form = "a name reads [REGISTRY/]REPOSITORY[:TAG][@sha256:DIGEST]"
	for _, c := range []struct{ word, what, hint string }{
		{"", invalid, "give a name such as alpine"},
		{"/", invalid, form},
		{"Alpine", "repository name (library/Alpine) must be lowercase", "write it in lower case: alpine"},
		{"quay.io/A/B:V1", "repository name (A/B) must be lowercase", "write it in lower case: quay.io/a/b:V1"},
		{"my_host.com/X", "repository name (X) must be lowercase", "write it in lower case: my_host.com/x"},
		{"https://quay.io/x", invalid, "leave the scheme out: quay.io/x"},
		{"two words", invalid, "a name has no spaces"},
		{zeros, "invalid repository name (" + zeros + "), cannot specify 64-byte hexadecimal strings", "this is an ID, and a registry wants a name"},
		{strings.Repeat("a", 300), "repository name must not be more than 255 characters", form},
		{"../etc", invalid, form},
		{"-x", invalid, form},
		{"x-", invalid, form},
		{"a//b", invalid, form},
		{"a/b/", invalid, form},
		{"a..b", invalid, form},
		{"a___b", invalid, form},
		{"a._b", invalid, form},
		{"host:/x", invalid, form},
		{"host:port/x", invalid, form},
		{"-a.b/x", invalid, form},
		{"A_b/x", invalid, form},
		{"a.b-:1/x", invalid, form},
		{"[::1/x", invalid, form},
		{"[]/x:", invalid, form},
		{"[::1]a:1/x", invalid, form},
		{"[fe80::1%eth0]/x", invalid, form},
		{"alpine:", invalid, "a tag has"},
		{"alpine:-1", invalid, "a tag has"},
		{"alpine:tag:tag", invalid, "a tag has"},
		{"alpine:" + strings.Repeat("a", 129), invalid, "a tag has"},
		{"alpine@", "invalid checksum digest format", "a digest is"},
		{"alpine@sha256:12", "invalid checksum digest length", "a digest is"},
		{"alpine@SHA256:" + zeros, "invalid checksum digest format", "a digest is"},
		{"alpine@md5:" + zeros[:32], "unsupported digest algorithm", "a digest is"},
	} {
		r, err := Parse(c.word)
		var h interface{ Hint() string }
		if !errors.As(err, &h) {
			t.Errorf("Parse(%q) = %s, %v, want an error with a hint", c.word, r, err)
			continue
		}
		if !strings.HasSuffix(err.Error(), ": "+c.what) || !strings.HasPrefix(h.Hint(), c.hint) {
			t.Errorf("Parse(%q): %v, hint %q, want %q and %q", c.word, err, h.Hint(), c.what, c.hint)
		}
	}
}

// TestLimits goes to the last length that is allowed, and one further.
func TestLimits(t *testing.T) {
	for what, c := range map[string]struct {
		word string
		max  int
	}{
		"path on Docker Hub": {"NNN", 255 - len("library/")},
		"path elsewhere":     {"quay.io/NNN", 255},
		"tag":                {"alpine:NNN", 128},
	} {
		for n, ok := range map[int]bool{c.max: true, c.max + 1: false} {
			_, err := Parse(strings.Replace(c.word, "NNN", strings.Repeat("n", n), 1))
			if (err == nil) != ok {
				t.Errorf("%s of %d characters: %v", what, n, err)
			}
		}
	}
}
