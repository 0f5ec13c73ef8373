package spec

import (
	"strings"
	"testing"
)

func TestMountFlagFollowsDocker(t *testing.T) {
	for flag, want := range map[string]string{
		"type=bind,source=/s,target=/d":                    "/d bind /s rbind,rprivate",
		"type=bind,src=/s/,dst=/d/":                        "/d bind /s rbind,rprivate",
		"type=bind,src=./s,destination=/d":                 "/d bind /home/learner/s rbind,rprivate",
		"TYPE=bind,src=/s,dst=/d":                          "",
		"type=BIND,src=/s,dst=/d":                          "/d bind /s rbind,rprivate",
		"type=bind,src=/s,dst=/d,ro":                       "/d bind /s rbind,ro,rprivate",
		"type=bind,src=/s,dst=/d,readonly":                 "/d bind /s rbind,ro,rprivate",
		"type=bind,src=/s,dst=/d,readonly=true":            "/d bind /s rbind,ro,rprivate",
		"type=bind,src=/s,dst=/d,ro=0":                     "/d bind /s rbind,rprivate",
		"type=bind,src=/s,dst=/d,bind-propagation=rslave":  "/d bind /s rbind,rslave",
		"type=bind,src=/s,dst=/d,bind-nonrecursive":        "/d bind /s bind,rprivate",
		"type=bind,src=/s,dst=/d,consistency=cached":       "/d bind /s rbind,rprivate",
		`type=bind,"src=/a,b",dst=/d`:                      "/d bind /a,b rbind,rprivate",
		"type=tmpfs,dst=/d":                                "/d tmpfs tmpfs noexec,nosuid,nodev,rprivate",
		"type=tmpfs,dst=/d,ro":                             "/d tmpfs tmpfs noexec,nosuid,nodev,rprivate,ro",
		"type=tmpfs,dst=/d,tmpfs-size=64k,tmpfs-mode=1770": "/d tmpfs tmpfs noexec,nosuid,nodev,rprivate,mode=1770,size=64k",
		"type=tmpfs,dst=/d,tmpfs-size=1g":                  "/d tmpfs tmpfs noexec,nosuid,nodev,rprivate,size=1g",
		"type=tmpfs,dst=/d,tmpfs-size=1000":                "/d tmpfs tmpfs noexec,nosuid,nodev,rprivate,size=1000",
	} {
		r, err := parseMount(flag, "/home/learner")
		if want == "" {
			refused(t, flag, err, "unknown key")
			continue
		}
		if got := r.mount.Destination + " " + words(r.mount); err != nil || got != want {
			t.Errorf("--mount %s = %s, %v, want %s", flag, got, err, want)
		}
		if r.create || r.mustExist != strings.Contains(want, "bind") {
			t.Errorf("--mount %s: create %t, mustExist %t", flag, r.create, r.mustExist)
		}
	}
	for flag, want := range map[string]string{
		"": "it is empty",
		"type=volume,src=v,dst=/d,volume-subpath=../x":    "must be a relative path within the volume",
		"type=volume,src=v,dst=/d,volume-subpath=/x":      "must be a relative path within the volume",
		"type=volume,src=v,dst=/d,volume-subpath=a/../..": "must be a relative path within the volume",
		"type=volume,src=v,dst=/d,volume-subpath":         "must be a relative path within the volume",
		`type=volume,src=v,dst=/d,"volume-subpath=a,b"`:   "must be a relative path within the volume",
		"type=volume,dst=/d,volume-subpath=x":             "must not set Subpath when using anonymous volumes",
		"type=volume,src=v,dst=/d,volume-driver=nfs":      `plugin "nfs" not found`,
		"type=volume,src=v,dst=/d,volume-opt=type=nfs":    "has no options",
		"type=volume,src=v,dst=/d,volume-nocopy=maybe":    "want true or false",
		"type=volume,src=v,dst=/d,bind-nonrecursive":      `key "bind-nonrecursive" does not go with type volume`,
		"type=volume,src=v,dst=d":                         "not an absolute path",
		"type=volume,src=v\x00,dst=/d":                    "NUL",
		"type=,dst=/d":                                    `unknown type ""`,
		"type=npipe,dst=/d":                               `unknown type "npipe"`,
		"type=bind,src=/s":                                "no target",
		"type=bind,src=/s,dst=":                           "no target",
		"type=bind,dst=/d":                                "no source",
		"type=bind,src=s,dst=/d":                          "not an absolute path",
		"type=bind,src=/s,dst=d":                          "not an absolute path",
		"type=bind,src=/s,dst=/":                          "the container's root",
		"type=bind,src=/s,dst=/d,bogus":                   `unknown key "bogus"`,
		"type=bind,src=/s,dst=/d,bogus=1":                 `unknown key "bogus"`,
		"type=bind,src=/s,dst":                            `key "dst" needs a value`,
		"type=bind,src=/s,dst=/d,ro=maybe":                "ro=maybe: want true or false",
		"type=bind,src=/s,dst=/d,tmpfs-size=1m":           `key "tmpfs-size" does not go with type bind`,
		"type=bind,src=/s,dst=/d,volume-nocopy":           `key "volume-nocopy" does not go with type bind`,
		"type=tmpfs,src=/s,dst=/d":                        "a tmpfs has no source",
		"type=tmpfs,dst=/d,bind-propagation=shared":       `key "bind-propagation" does not go with type tmpfs`,
		"type=bind,src=/s,dst=/d,bind-propagation=bogus":  "unknown propagation",
		"type=tmpfs,dst=/d,tmpfs-mode=9":                  "want an octal number",
		"type=tmpfs,dst=/d,tmpfs-mode=77777":              "want an octal number",
		"type=tmpfs,dst=/d,tmpfs-size=-1":                 "not a size",
		"type=bind,src=/s,dst=/d\"":                       "parse error",
		"type=tmpfs,dst=/d\ntype=tmpfs,dst=/e":            "more than one line",
		"type=bind,src=/s\x00,dst=/d":                     "not an absolute path",
	} {
		_, err := with(func(in *Input) { in.Options.Mounts = []string{flag} })
		refused(t, "--mount "+flag, err, want)
	}
}

func TestTmpfsFollowsDocker(t *testing.T) {
	for flag, want := range map[string]string{
		"/d":                         "noexec,nosuid,nodev,rprivate",
		"/d:":                        "noexec,nosuid,nodev,rprivate",
		"/d:exec":                    "nosuid,nodev,rprivate,exec",
		"/d:size=1m,exec,mode=700":   "nosuid,nodev,rprivate,size=1m,exec,mode=700",
		"/d:size=1m,size=2m":         "noexec,nosuid,nodev,rprivate,size=2m",
		"/d:ro,noatime,strictatime":  "noexec,nosuid,nodev,rprivate,ro,strictatime",
		"/d:uid=5,gid=6,nr_inodes=9": "noexec,nosuid,nodev,rprivate,uid=5,gid=6,nr_inodes=9",
		"/d:rshared":                 "noexec,nosuid,nodev,rshared",
	} {
		m, err := parseTmpfs(flag)
		if got := words(m); err != nil || m.Destination != "/d" || got != "tmpfs tmpfs "+want {
			t.Errorf("--tmpfs %s = %s, %v, want %s", flag, got, err, want)
		}
	}
	for flag, want := range map[string]string{
		"":             "not an absolute path",
		"d":            "not an absolute path",
		"/":            "the container's root",
		"/d:bogus":     `unknown option "bogus"`,
		"/d:bogus=1":   `unknown option "bogus=1"`,
		"/d:ro=1":      `unknown option "ro=1"`,
		"/d:size":      `option "size" needs a value`,
		"/d:size=":     `option "size" needs a value`,
		"/d:bind":      `unknown option "bind"`,
		"/d:remount":   `unknown option "remount"`,
		"/d:a,":        "unknown option",
		"/d:mode=\x00": "needs a value",
	} {
		_, err := with(func(in *Input) { in.Options.Tmpfs = []string{flag} })
		refused(t, "--tmpfs "+flag, err, want)
	}
}

func FuzzMountFlag(f *testing.F) {
	for _, s := range []string{
		"type=bind,src=/s,dst=/d,ro", `type=bind,"src=/a,b",dst=/d`, "type=tmpfs,dst=/d,tmpfs-size=1k,tmpfs-mode=7",
		"type=bind,src=.,dst=/d,bind-nonrecursive=t", "\"", "\n", "type=tmpfs,dst=//d",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, flag string) {
		res, err := with(func(in *Input) { in.Options.Mounts = []string{flag} })
		if err != nil {
			return
		}
		if err := Validate(res.Spec); err != nil {
			t.Fatalf("--mount %q: %v", flag, err)
		}
		if len(res.CreateDirs) > 0 {
			t.Fatalf("--mount %q would create %q", flag, res.CreateDirs)
		}
	})
}

func FuzzTmpfs(f *testing.F) {
	for _, s := range []string{"/d", "/d:size=1m,exec", "/d::", "/d:mode=1777,", "/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, flag string) {
		if m, err := parseTmpfs(flag); err == nil && strings.ContainsAny(strings.Join(m.Options, ""), "\x00,") {
			t.Fatalf("--tmpfs %q = %+v", flag, m)
		}
	})
}
