package spec

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func TestUserFollowsDocker(t *testing.T) {
	for who, want := range map[string]specs.User{
		"":             {AdditionalGids: []uint32{0, 1, 2, 3, 4, 10}},
		"root":         {AdditionalGids: []uint32{0, 1, 2, 3, 4, 10}},
		"0":            {AdditionalGids: []uint32{0, 1, 2, 3, 4, 10}},
		"bin":          {UID: 1, GID: 1, AdditionalGids: []uint32{1, 2, 3}},
		"1":            {UID: 1, GID: 1, AdditionalGids: []uint32{1, 2, 3}},
		"01":           {UID: 1, GID: 1, AdditionalGids: []uint32{1, 2, 3}},
		"nobody":       {UID: 65534, GID: 65534, AdditionalGids: []uint32{65534}},
		"nobody:wheel": {UID: 65534, GID: 10, AdditionalGids: []uint32{10}},
		"1000":         {UID: 1000, AdditionalGids: []uint32{0}},
		"1000:":        {UID: 1000, AdditionalGids: []uint32{0}},
		"1000:1000":    {UID: 1000, GID: 1000, AdditionalGids: []uint32{1000}},
		"1000:wheel":   {UID: 1000, GID: 10, AdditionalGids: []uint32{10}},
		":wheel":       {GID: 10, AdditionalGids: []uint32{10}},
		"2147483647":   {UID: 1<<31 - 1, AdditionalGids: []uint32{0}},
	} {
		res := must(t, func(in *Input) { in.Options.User = who })
		if got := res.Spec.Process.User; got.UID != want.UID || got.GID != want.GID || !slices.Equal(got.AdditionalGids, want.AdditionalGids) {
			t.Errorf("-u %q = %+v, want %+v", who, got, want)
		}
		if res = must(t, func(in *Input) { in.Image.User = who }); res.Spec.Process.User.UID != want.UID {
			t.Errorf("USER %q: uid %d, want %d", who, res.Spec.Process.User.UID, want.UID)
		}
	}
	if got := must(t, func(in *Input) { in.Image.User, in.Options.User = "bin", "nobody" }).Spec.Process.User.UID; got != 65534 {
		t.Errorf("USER bin and -u nobody: uid %d, want nobody's", got)
	}
}

// CVE-2024-40635 and CVE-2026-30892: a number that does not fit became root.
func TestUserIsNeverRootByAccident(t *testing.T) {
	for _, id := range []string{
		"2147483648", "4294967295", "4294967296", "8589934592", "18446744073709551616",
		"99999999999999999999999999", "-1", "+0", "+1", "-0", "--1",
	} {
		for _, who := range []string{id, "1000:" + id, ":" + id} {
			res, err := with(func(in *Input) { in.Options.User = who })
			refused(t, "-u "+who, err, "bad ID")
			if res.Spec != nil {
				t.Errorf("-u %s: there is a config.json beside the error", who)
			}
		}
		_, err := with(func(in *Input) { in.Options.GroupAdd = []string{id} })
		refused(t, "--group-add "+id, err, "bad ID")
	}
	for _, who := range []string{"1e3", "0x0", " 0", "0 ", "٣", "1000 ", "0\x00", "root ", "Root", "a:b:c", "root:x:0"} {
		res, err := with(func(in *Input) { in.Options.User = who })
		if err == nil {
			t.Errorf("-u %q = %+v, want an error", who, res.Spec.Process.User)
		}
	}
}

func TestUserFileWithBadNumbers(t *testing.T) {
	const passwd = "big:x:4294967296:1000::/:\nword:x:zero:0::/:\nnone:x:::/:\nshort:x\nneg:x:-1:0::/:\ngid:x:5:4294967296::/:\nok:x:7:7::/:\n"
	for _, who := range []string{"big", "word", "none", "short", "neg", "gid", "5"} {
		_, err := with(func(in *Input) { in.Options.User, in.Passwd = who, file(passwd) })
		refused(t, "-u "+who, err, "of the image's /etc/passwd")
	}
	if got := must(t, func(in *Input) { in.Options.User, in.Passwd = "ok", file(passwd) }).Spec.Process.User.UID; got != 7 {
		t.Errorf("-u ok: uid %d, want 7", got)
	}
	// A line without a usable number is nobody's line: uid 0 is not found in it.
	if got := must(t, func(in *Input) { in.Passwd = file(passwd) }); slices.Contains(got.Spec.Process.Env, "HOME=zero") {
		t.Error("root was found in a line with another number")
	}
	const groups = "big:x:4294967296:bin\nwheel:x:10:\n"
	for _, who := range []string{"bin", "bin:big"} {
		_, err := with(func(in *Input) { in.Options.User, in.Group = who, file(groups) })
		refused(t, "-u "+who, err, "entry big of the image's /etc/group")
	}
}

func TestTheFirstLineThatFitsCounts(t *testing.T) {
	const passwd = "u:x:5:5::/first:\nu:x:6:6::/second:\nv:x:5:7::/third:\n"
	for _, who := range []string{"u", "5"} {
		res := must(t, func(in *Input) {
			in.Options.User, in.Options.GroupAdd = who, []string{"g"}
			in.Passwd, in.Group = file(passwd), file("g:x:8:\ng:x:9:\n")
		})
		if user := res.Spec.Process.User; user.UID != 5 || !slices.Equal(user.AdditionalGids, []uint32{5, 8}) || !slices.Contains(res.Spec.Process.Env, "HOME=/first") {
			t.Errorf("-u %s = %+v, environment %q, want the first line of each file", who, user, res.Spec.Process.Env)
		}
	}
}

func TestGroupAdd(t *testing.T) {
	res := must(t, func(in *Input) { in.Options.User, in.Options.GroupAdd = "bin", []string{"wheel", "55", "daemon", "55"} })
	if got, want := res.Spec.Process.User.AdditionalGids, []uint32{1, 2, 3, 10, 55}; !slices.Equal(got, want) {
		t.Errorf("groups %v, want %v", got, want)
	}
	_, err := with(func(in *Input) { in.Options.GroupAdd = []string{"nosuch"} })
	refused(t, "--group-add nosuch", err, "no entry nosuch in the image's /etc/group")
}

func TestUnknownUserSaysWhoIsThere(t *testing.T) {
	_, err := with(func(in *Input) { in.Options.User = "nosuch" })
	refused(t, "-u nosuch", err, `user "nosuch": no entry nosuch in the image's /etc/passwd`)
	if got, want := hint(err), `the image has "root", "bin", "daemon", "nobody"; a number always works`; got != want {
		t.Errorf("hint %q, want %q", got, want)
	}
	many := strings.Repeat("u:x:1:1::/:\n", 100000)
	_, err = with(func(in *Input) { in.Options.User, in.Passwd = "nosuch", file(many) })
	if got := hint(err); len(got) > 100 || !strings.Contains(got, ", …;") {
		t.Errorf("hint for a long file: %q", got)
	}
}

func TestImagesWithoutTheFiles(t *testing.T) {
	none := func(in *Input) { in.Passwd, in.Group = noFile, noFile }
	for _, who := range []string{"", "root", "0", "1000", "1000:1000"} {
		if _, err := with(func(in *Input) { none(in); in.Options.User = who }); err != nil {
			t.Errorf("-u %q without /etc/passwd: %v", who, err)
		}
	}
	for _, who := range []string{"bin", "0:wheel"} {
		_, err := with(func(in *Input) { none(in); in.Options.User = who })
		refused(t, "-u "+who, err, "the image has no /etc/")
		if hint(err) == "" {
			t.Errorf("-u %s: no hint", who)
		}
	}
	denied := func() (io.ReadCloser, error) { return nil, fs.ErrPermission }
	if _, err := with(func(in *Input) { in.Passwd = denied }); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a file that cannot be opened: %v, want permission denied", err)
	}
}

func TestUserFilesAreLimited(t *testing.T) {
	for what, text := range map[string]string{
		"a line without end": strings.Repeat("x", 2<<20),
		"a file without end": strings.Repeat("u:x:1:1::/:\n", 2<<20),
	} {
		_, err := with(func(in *Input) { in.Options.User, in.Passwd = "nosuch", file(text) })
		refused(t, what, err, "read the image's /etc/passwd")
	}
}

func TestHomeOutOfTheFile(t *testing.T) {
	for home, want := range map[string]string{"/home/u": "HOME=/home/u", "": "HOME=/", "relative": "HOME=/", "/a\x00b": "HOME=/"} {
		env := must(t, func(in *Input) { in.Options.User, in.Passwd = "u", file("u:x:5:5::"+home+":/bin/sh\n") }).Spec.Process.Env
		if !slices.Contains(env, want) {
			t.Errorf("home %q: environment %q, want %s", home, env, want)
		}
	}
}

func FuzzUser(f *testing.F) {
	for _, s := range []string{"", "root", "0", "1000:1000", "nobody:wheel", "4294967296", "-1", ":", "a:b:c", "+1"} {
		f.Add(s, alpinePasswd, alpineGroup)
	}
	f.Add("u:g", "u:x:4294967296:0::/:\n", "g:x:zero:u\n")
	f.Fuzz(func(t *testing.T, who, passwd, groups string) {
		res, err := with(func(in *Input) { in.Options.User, in.Passwd, in.Group = who, file(passwd), file(groups) })
		if err != nil {
			return
		}
		user := res.Spec.Process.User
		if user.UID > 1<<31-1 || user.GID > 1<<31-1 {
			t.Fatalf("-u %q = %+v", who, user)
		}
		// Root only for one who is called so: by 0, by nothing, by its name, or by a line that says 0.
		name, _, _ := strings.Cut(who, ":")
		if user.UID == 0 && strings.Trim(name, "0") != "" && name != "root" && !strings.Contains(passwd, name+":") {
			t.Fatalf("-u %q became root by %q", who, passwd)
		}
	})
}
