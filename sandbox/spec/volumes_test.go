package spec

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// describedVolume is how the tables below write a volume: name, place, and what else it is.
func describedVolume(v Volume) string {
	words := []string{v.Name, v.Destination}
	if v.Anonymous {
		words = append(words, "anonymous")
	}
	if !v.Copy {
		words = append(words, "nocopy")
	}
	if v.Subpath != "" {
		words = append(words, "at "+v.Subpath)
	}
	for name, value := range v.Labels {
		words = append(words, name+"="+value)
	}
	return strings.Join(words, " ")
}

func TestVolumesFollowDocker(t *testing.T) {
	for what, c := range map[string]struct {
		o           Options
		image       []string
		want, mount string
	}{
		"a name":             {Options{Volumes: []string{"data:/d"}}, nil, "data /d", "bind /volumes/data/_data rbind,rprivate"},
		"a name, read-only":  {Options{Volumes: []string{"data:/d/:ro"}}, nil, "data /d", "bind /volumes/data/_data rbind,ro,rprivate"},
		"a name, not copied": {Options{Volumes: []string{"data:/d:nocopy,z"}}, nil, "data /d nocopy", "bind /volumes/data/_data rbind,rprivate"},
		"no name":            {Options{Volumes: []string{"/d/"}}, nil, "0fe1 /d anonymous", "bind /volumes/0fe1/_data rbind,rprivate"},
		"an image's":         {Options{}, []string{"/d/../d/"}, "0fe1 /d anonymous", "bind /volumes/0fe1/_data rbind,rprivate"},
		"--mount":            {Options{Mounts: []string{"src=data,dst=/d"}}, nil, "data /d", "bind /volumes/data/_data rbind,rprivate"},
		"--mount without a name": {
			Options{Mounts: []string{"type=volume,dst=/d,readonly,volume-driver=local"}},
			nil, "0fe1 /d anonymous", "bind /volumes/0fe1/_data rbind,ro,rprivate",
		},
		"--mount with all": {
			Options{Mounts: []string{"type=volume,src=data,dst=/d,volume-nocopy,volume-subpath=a//b/,volume-label=k=v"}},
			nil, "data /d nocopy at a/b k=v", "bind /volumes/data/_data x-subpath=a/b,rbind,rprivate",
		},
		"--mount, all of it":            {Options{Mounts: []string{"src=data,dst=/d,volume-subpath=.,volume-nocopy=0"}}, nil, "data /d at .", "bind /volumes/data/_data rbind,rprivate"},
		"the user's before the image's": {Options{Volumes: []string{"data:/d"}}, []string{"/d"}, "data /d", "bind /volumes/data/_data rbind,rprivate"},
		"named before unnamed":          {Options{Volumes: []string{"/d", "data:/d"}}, []string{"/d"}, "data /d", "bind /volumes/data/_data rbind,rprivate"},
		"twice the same":                {Options{Volumes: []string{"/d", "/d"}}, nil, "0fe1 /d anonymous", "bind /volumes/0fe1/_data rbind,rprivate"},
		"a directory of the host":       {Options{Volumes: []string{"/s:/d"}}, []string{"/d"}, "", "bind /s rbind,rprivate"},
		"a tmpfs":                       {Options{Tmpfs: []string{"/d"}}, []string{"/d"}, "", "tmpfs tmpfs noexec,nosuid,nodev,rprivate"},
	} {
		res := must(t, func(in *Input) {
			in.Options = c.o
			in.Image.Volumes = map[string]struct{}{}
			for _, v := range c.image {
				in.Image.Volumes[v] = struct{}{}
			}
		})
		var got []string
		for _, v := range res.Volumes {
			got = append(got, describedVolume(v))
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: volumes %q, want %q", what, got, c.want)
		}
		if got := words(mountAt(t, res.Spec, "/d")); got != c.mount {
			t.Errorf("%s: mounted is %s, want %s", what, got, c.mount)
		}
		if len(res.Warnings)+len(res.CreateDirs) > 0 != (what == "a directory of the host") {
			t.Errorf("%s: %q, to be made %q", what, res.Warnings, res.CreateDirs)
		}
	}
	for flag, want := range map[string]string{"d": "not an absolute path", "/": "the container's root", "/d\x00": "NUL"} {
		_, err := with(func(in *Input) { in.Options.Volumes = []string{flag} })
		refused(t, "-v "+flag, err, want)
	}
}

// An image's author must not replace what the container is built of.
func TestImageVolumesNeverReplaceOurMounts(t *testing.T) {
	for _, dest := range []string{"/proc", "/dev/", "/sys/../sys", "/sys/fs/cgroup", "/dev/shm", "/dev/pts", "/proc/sys/kernel", "/etc/hosts", "/", "/..", "data", "", "/a\x00"} {
		plain := must(t, func(*Input) {})
		res := must(t, func(in *Input) { in.Image.Volumes = map[string]struct{}{dest: {}} })
		if diff := cmp.Diff(plain.Spec.Mounts, res.Spec.Mounts); diff != "" || len(res.Volumes) > 0 {
			t.Errorf("VOLUME %q: %+v (- without, + with):\n%s", dest, res.Volumes, diff)
		}
		if want := fmt.Sprintf("a volume at %q", dest); len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], want) {
			t.Errorf("VOLUME %q: warnings %q, want one with %s", dest, res.Warnings, want)
		}
	}
}

func TestInheritedMounts(t *testing.T) {
	inherit := func(dest, source string, v *Volume) InheritedMount {
		return InheritedMount{specs.Mount{Destination: dest, Type: "bind", Source: source, Options: []string{"ro", "rbind", "rprivate"}}, v}
	}
	res := must(t, func(in *Input) {
		in.Options.Volumes = []string{"own:/own"}
		in.Image.Volumes = map[string]struct{}{"/v": {}}
		in.Inherited = []InheritedMount{
			inherit("/own", "/elsewhere", nil), inherit("/h", "/first", nil), inherit("/h", "/second", nil),
			inherit("/v", "?", &Volume{Name: "theirs", Anonymous: true}),
		}
	})
	for dest, want := range map[string]string{
		"/own": "bind /volumes/own/_data rbind,rprivate",
		"/h":   "bind /second ro,rbind,rprivate",
		"/v":   "bind /volumes/theirs/_data ro,rbind,rprivate",
	} {
		if got := words(mountAt(t, res.Spec, dest)); got != want {
			t.Errorf("%s is %s, want %s", dest, got, want)
		}
	}
	if len(res.Volumes) != 2 || describedVolume(res.Volumes[1]) != "theirs /v anonymous nocopy" {
		t.Errorf("volumes %+v", res.Volumes)
	}
}
