package spec

import (
	"maps"
	"testing"
)

func TestLabels(t *testing.T) {
	res := must(t, func(in *Input) {
		in.Image.Labels = map[string]string{"a": "image", "b": "image"}
		in.Options.Labels = []string{"b=mine", "c", "d= x = y ", " e=1", "f=1", "f=2"}
	})
	want := map[string]string{"a": "image", "b": "mine", "c": "", "d": " x = y ", "e": "1", "f": "2"}
	if !maps.Equal(res.Labels, want) {
		t.Errorf("labels %q, want %q", res.Labels, want)
	}
	for _, bad := range []string{"", "=x", " =x", "a b=c", "a =c"} {
		_, err := with(func(in *Input) { in.Options.Labels = []string{bad} })
		refused(t, "--label "+bad, err, "--label")
	}
}

// CVE-2026-53488: what an image says in its labels must not change the container.
func TestLabelsChangeNothing(t *testing.T) {
	plain := must(t, func(*Input) {})
	labelled := must(t, func(in *Input) {
		in.Image.Labels = map[string]string{"run": "--privileged", "RUN": "docker run --privileged", "org.opencontainers.image.stopSignal": "9", "io.containers.autoupdate": "x"}
	})
	if labelled.Labels = plain.Labels; !sameJSON(t, plain, labelled) {
		t.Error("labels changed the container")
	}
}

func TestLabelsOfTheImageAreNotWrittenTo(t *testing.T) {
	in := alpine()
	in.Image.Labels, in.Options.Labels = map[string]string{"a": "image"}, []string{"a=mine"}
	if _, err := Build(in); err != nil || in.Image.Labels["a"] != "image" {
		t.Errorf("the image's labels are now %v (%v)", in.Image.Labels, err)
	}
}

func TestStopSignal(t *testing.T) {
	for what, c := range map[string]struct{ image, flag, want string }{
		"neither":      {"", "", "SIGTERM"},
		"the image's":  {"SIGQUIT", "", "SIGQUIT"},
		"the flag's":   {"SIGQUIT", "SIGINT", "SIGINT"},
		"without SIG":  {"", "usr1", "SIGUSR1"},
		"number":       {"9", "", "9"},
		"number, long": {"", "015", "15"},
		"the highest":  {"", "64", "64"},
	} {
		res := must(t, func(in *Input) { in.Image.StopSignal, in.Options.StopSignal = c.image, c.flag })
		if res.StopSignal != c.want {
			t.Errorf("%s: stop signal %q, want %q", what, res.StopSignal, c.want)
		}
	}
	for _, bad := range []string{"FOO", "SIG", "SIGSIGTERM", "0", "-1", "65", "99999999999999999999", "TERM "} {
		_, err := with(func(in *Input) { in.Options.StopSignal = bad })
		refused(t, "--stop-signal "+bad, err, "stop signal")
		_, err = with(func(in *Input) { in.Image.StopSignal = bad })
		refused(t, "STOPSIGNAL "+bad, err, "stop signal")
	}
}
