package privtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// A fakeT is a test whose end can be looked at.
type fakeT struct {
	testing.TB
	skipped, failed string
	cleanups        []func()
}

func (f *fakeT) Helper()           {}
func (f *fakeT) Cleanup(fn func()) { f.cleanups = append(f.cleanups, fn) }
func (f *fakeT) Errorf(format string, a ...any) {
	f.failed += fmt.Sprintf(format, a...)
}

func (f *fakeT) Skipf(format string, a ...any) {
	f.skipped = fmt.Sprintf(format, a...)
	runtime.Goexit()
}

func (f *fakeT) Fatalf(format string, a ...any) {
	f.failed = fmt.Sprintf(format, a...)
	runtime.Goexit()
}

// run calls fn as a test of its own and then its cleanups, last first.
func (f *fakeT) run(fn func(testing.TB)) *fakeT {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for _, cleanup := range slices.Backward(f.cleanups) {
				cleanup()
			}
		}()
		fn(f)
	}()
	<-done
	return f
}

func TestRequire(t *testing.T) {
	tests := map[string]struct {
		env, feature string
		images       bool
		wantSkip     string
		wantFail     string
	}{
		"there":                            {feature: "images", images: true},
		"there and promised":               {env: "images", feature: "images", images: true},
		"missing":                          {feature: "images", wantSkip: "needs images: "},
		"missing, another is promised":     {env: "root, net", feature: "images", wantSkip: "needs images: "},
		"missing and promised":             {env: "root,images", feature: "images", wantFail: "LEARNBOX_TEST_REQUIRE promises images, but: "},
		"a feature that nobody knows":      {feature: "cgroups", images: true, wantFail: `no feature is called "cgroups"`},
		"a promise that nobody can keep":   {env: "imges", feature: "images", images: true, wantFail: `no feature is called "imges"`},
		"empty entries promise nothing":    {env: ",,", feature: "images", wantSkip: "needs images: "},
		"the reason names what was looked": {feature: "images", wantSkip: "holds no oci-layout file"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if tt.images {
				touch(t, filepath.Join(dir, "oci-layout"))
			}
			t.Setenv(requireEnv, tt.env)
			t.Setenv(imagesEnv, dir)
			f := (&fakeT{}).run(func(t testing.TB) { Require(t, tt.feature) })
			if !strings.Contains(f.skipped, tt.wantSkip) || (f.skipped == "") != (tt.wantSkip == "") {
				t.Errorf("skipped %q, want %q", f.skipped, tt.wantSkip)
			}
			if !strings.Contains(f.failed, tt.wantFail) || (f.failed == "") != (tt.wantFail == "") {
				t.Errorf("failed %q, want %q", f.failed, tt.wantFail)
			}
		})
	}
}

func TestImagesWalksUp(t *testing.T) {
	t.Setenv(imagesEnv, "")
	t.Setenv(requireEnv, "")
	top := t.TempDir()
	deep := filepath.Join(top, "repo", "internal", "deep")
	images := filepath.Join(top, "shared", "images")
	for _, dir := range []string{deep, images} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	touch(t, filepath.Join(images, "oci-layout"))
	t.Chdir(deep)
	var got string
	f := (&fakeT{}).run(func(t testing.TB) { got = Images(t) })
	if got != images || f.skipped != "" {
		t.Errorf("Images below %s = %q (skipped: %q), want %q", deep, got, f.skipped, images)
	}
	if err := os.Remove(filepath.Join(images, "oci-layout")); err != nil {
		t.Fatal(err)
	}
	if f := (&fakeT{}).run(func(t testing.TB) { Images(t) }); !strings.Contains(f.skipped, "at or above "+deep) {
		t.Errorf("without oci-layout: skipped %q, want the place it looked from", f.skipped)
	}
}

func TestDifference(t *testing.T) {
	if diff := difference(trace{"process 1": 1, "cgroup /learnbox": 1}, trace{}); diff != "" {
		t.Errorf("a foreign process that ended: %q", diff)
	}
	tests := map[string]struct{ before, after, want string }{
		"nothing happened":    {"a b", "a b", ""},
		"one thing new":       {"a", "a b", "  left behind: b\n"},
		"one thing gone":      {"a b", "a", "  gone: b\n"},
		"one of a kind more":  {"a", "a a", "  left behind: a\n"},
		"one of a kind fewer": {"a a", "a", "  gone: a\n"},
		"replaced":            {"a", "b", "  gone: a\n  left behind: b\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := difference(traceOf(tt.before), traceOf(tt.after)); got != tt.want {
				t.Errorf("difference(%q, %q) = %q, want %q", tt.before, tt.after, got, tt.want)
			}
		})
	}
}

func TestWaitSameWaitsForTheMachineToSettle(t *testing.T) {
	looks := 0
	settling := func() (trace, error) {
		if looks++; looks < 4 {
			return traceOf("a b"), nil
		}
		return traceOf("a"), nil
	}
	if diff := waitSame(traceOf("a"), settling, time.Minute); diff != "" {
		t.Errorf("a machine that settles: %q", diff)
	}
	never := func() (trace, error) { return traceOf("a b"), nil }
	if diff := waitSame(traceOf("a"), never, time.Millisecond); diff != "  left behind: b\n" {
		t.Errorf("a machine that never settles: %q", diff)
	}
	broken := func() (trace, error) { return nil, errors.New("no /proc") }
	if diff := waitSame(traceOf("a"), broken, time.Millisecond); diff != "no /proc" {
		t.Errorf("a look that fails: %q", diff)
	}
}

// traceOf counts words.
func traceOf(words string) trace {
	tr := trace{}
	for w := range strings.FieldsSeq(words) {
		tr[w]++
	}
	return tr
}

func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
}
