package spec

import (
	"path"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func TestVolumeFollowsDocker(t *testing.T) {
	for flag, want := range map[string]string{
		"/s:/d":                 "/d bind /s rbind,rprivate",
		"/s/:/d/":               "/d bind /s rbind,rprivate",
		"/s:/d/../e":            "/e bind /s rbind,rprivate",
		"./s:/d":                "/d bind /home/learner/s rbind,rprivate",
		".:/d":                  "/d bind /home/learner rbind,rprivate",
		"../s:/d":               "/d bind /home/s rbind,rprivate",
		".hidden:/d":            "/d bind /home/learner/.hidden rbind,rprivate",
		"/s:/d:ro":              "/d bind /s rbind,ro,rprivate",
		"/s:/d:rw":              "/d bind /s rbind,rprivate",
		"/s:/d:Z":               "/d bind /s rbind,rprivate",
		"/s:/d:z,ro":            "/d bind /s rbind,ro,rprivate",
		"/s:/d:cached":          "/d bind /s rbind,rprivate",
		"/s:/d:rslave":          "/d bind /s rbind,rslave",
		"/s:/d:ro,shared":       "/d bind /s rbind,ro,shared",
		"/s:/d:private":         "/d bind /s rbind,private",
		"/with space:/a b:ro,z": "/a b bind /with space rbind,ro,rprivate",
	} {
		r, err := parseVolume(flag, "/home/learner")
		if got := r.mount.Destination + " " + words(r.mount); err != nil || got != want {
			t.Errorf("-v %s = %s, %v, want %s", flag, got, err, want)
		}
		if !r.create || r.mustExist {
			t.Errorf("-v %s: create %t, mustExist %t", flag, r.create, r.mustExist)
		}
	}
	for flag, want := range map[string]string{
		"":                   "none of them empty",
		":/d":                "none of them empty",
		"/s:":                "none of them empty",
		"/s:/d:":             "none of them empty",
		"/s:/d:ro:z":         "too many colons",
		"~/s:/d":             "not a path from the root",
		"/s:d":               "not an absolute path",
		"/s:/":               "the container's root",
		"/s:/..":             "the container's root",
		"/s:ro":              "no destination",
		"/s:ro,z":            "no destination",
		"/s:/d:bad":          `unknown option "bad"`,
		"/s:/d:ro,":          `unknown option ""`,
		"/s:/d:RO":           `unknown option "RO"`,
		"/s:/d:ro,rw":        "exclude each other",
		"/s:/d:ro,ro":        "exclude each other",
		"/s:/d:z,Z":          "exclude each other",
		"/s:/d:nocopy":       "volumes with a name",
		"/s\x00:/d":          "NUL",
		"/s:/d\x00":          "NUL",
		"/s:/d:slave,shared": "exclude each other",
	} {
		_, err := parseVolume(flag, "/home/learner")
		refused(t, "-v "+flag, err, want)
	}
}

func TestVolumeHints(t *testing.T) {
	for flag, want := range map[string]string{
		"~/s:/d": "write $HOME/s", "/s:/d:bad": "ro, rw",
	} {
		_, err := with(func(in *Input) { in.Options.Volumes = []string{flag} })
		if got := hint(err); !strings.Contains(got, want) {
			t.Errorf("-v %s: hint %q, want %q in it", flag, got, want)
		}
	}
}

func FuzzVolume(f *testing.F) {
	for _, s := range []string{"/s:/d", "./s:/d:ro,rslave", "name:/d", ":", "/s:/d:ro:z", "~:/", "..:/..", "/s:ro", "/d", "d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, flag string) {
		res, err := with(func(in *Input) { in.Options.Volumes = []string{flag} })
		if err != nil {
			return
		}
		if err := Validate(res.Spec); err != nil {
			t.Fatal(err)
		}
		if len(res.Volumes) > 0 {
			if v := res.Volumes[0]; v.Name == "" || v.Anonymous == strings.Contains(flag, ":") || path.Clean(v.Destination) != v.Destination {
				t.Fatalf("-v %q = %+v", flag, v)
			}
			return
		}
		source := res.CreateDirs[0]
		i := slices.IndexFunc(res.Spec.Mounts, func(m specs.Mount) bool { return m.Source == source && m.Type == "bind" })
		if m := res.Spec.Mounts[i]; !path.IsAbs(source) || path.Clean(source) != source || m.Destination == "/" || path.Clean(m.Destination) != m.Destination {
			t.Fatalf("-v %q = %+v", flag, m)
		}
	})
}
