package spec

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The wanted lists are what Docker's containers have, and HOME, which runc adds.
func TestEnvFollowsDocker(t *testing.T) {
	const (
		dockerPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
		hostname   = "HOSTNAME=7f3c0a1b2c3d"
	)
	for what, c := range map[string]struct {
		image, flags []string
		tty          bool
		want         []string
	}{
		"nothing":                          {nil, nil, false, []string{dockerPath, hostname, "HOME=/root"}},
		"a terminal":                       {nil, nil, true, []string{dockerPath, hostname, "TERM=xterm", "HOME=/root"}},
		"the image's PATH in place":        {[]string{"A=1", "PATH=/x"}, nil, false, []string{"PATH=/x", hostname, "A=1", "HOME=/root"}},
		"flags before the image's":         {[]string{"I=1"}, []string{"F=1"}, false, []string{dockerPath, hostname, "F=1", "I=1", "HOME=/root"}},
		"a flag replaces the image's":      {[]string{"A=1", "B=2"}, []string{"A=9"}, false, []string{dockerPath, hostname, "A=9", "B=2", "HOME=/root"}},
		"the last of a name counts":        {nil, []string{"A=1", "B=", "A=2"}, false, []string{dockerPath, hostname, "A=2", "B=", "HOME=/root"}},
		"from the host":                    {nil, []string{"LANG"}, false, []string{dockerPath, hostname, "LANG=C", "HOME=/root"}},
		"not set on the host":              {[]string{"UNSET=image"}, []string{"UNSET"}, false, []string{dockerPath, hostname, "HOME=/root"}},
		"a default not set on the host":    {nil, []string{"HOSTNAME"}, false, []string{dockerPath, "HOME=/root"}},
		"-t and TERM":                      {nil, []string{"TERM=vt100"}, true, []string{dockerPath, hostname, "TERM=vt100", "HOME=/root"}},
		"HOME given":                       {nil, []string{"HOME=/h"}, false, []string{dockerPath, hostname, "HOME=/h"}},
		"HOME empty":                       {[]string{"HOME="}, nil, false, []string{dockerPath, hostname, "HOME=/root"}},
		"value with = and blanks":          {nil, []string{"A=b=c d "}, false, []string{dockerPath, hostname, "A=b=c d ", "HOME=/root"}},
		"a name of which one is the start": {nil, []string{"LAN"}, false, []string{dockerPath, hostname, "HOME=/root"}},
	} {
		res := must(t, func(in *Input) {
			in.Image.Env, in.Options.Env, in.Options.TTY = c.image, c.flags, c.tty
			in.Host.Environ = []string{"LANG=C", "LANG=second"}
		})
		if diff := cmp.Diff(c.want, res.Spec.Process.Env); diff != "" {
			t.Errorf("%s (- wanted, + got):\n%s", what, diff)
		}
	}
	for _, bad := range []string{"", "=x", "A=\x00"} {
		_, err := with(func(in *Input) { in.Options.Env = []string{bad} })
		refused(t, "-e "+bad, err, "environment variable")
		_, err = with(func(in *Input) { in.Image.Env = []string{bad} })
		refused(t, "ENV "+bad, err, "of the image")
	}
}

func TestHomeIsTheUsers(t *testing.T) {
	for user, want := range map[string]string{"": "HOME=/root", "bin": "HOME=/bin", "nobody": "HOME=/", "4242": "HOME=/"} {
		env := must(t, func(in *Input) { in.Options.User = user }).Spec.Process.Env
		if !slices.Contains(env, want) {
			t.Errorf("-u %q: environment %q, want %s", user, env, want)
		}
	}
}

func TestParseEnvFileFollowsDocker(t *testing.T) {
	environ := []string{"SET=here", "EMPTY="}
	for what, c := range map[string]struct {
		text string
		want []string
	}{
		"empty file":              {"", nil},
		"plain":                   {"A=1\nB=2\n", []string{"A=1", "B=2"}},
		"no newline at the end":   {"A=1", []string{"A=1"}},
		"comments and blanks":     {"# c\n\n  \n\t# d\nA=1 # not a comment\n", []string{"A=1 # not a comment"}},
		"blanks before a name":    {" \tA=1", []string{"A=1"}},
		"value is kept":           {"A= x  \nB=\"q\"\nC='s'", []string{"A= x  ", `B="q"`, "C='s'"}},
		"= in the value":          {"A=b=c", []string{"A=b=c"}},
		"empty value":             {"A=", []string{"A="}},
		"byte order mark":         {"\ufeffA=1\n", []string{"A=1"}},
		"a later mark is text":    {"A=1\n\ufeffB=2\n", []string{"A=1", "\ufeffB=2"}},
		"carriage return":         {"A=1\r\nB=2\r\n", []string{"A=1", "B=2"}},
		"name from the host":      {"SET\nEMPTY\nUNSET\n", []string{"SET=here", "EMPTY="}},
		"odd names":               {"a-b.c=1", []string{"a-b.c=1"}},
		"no expansion":            {"A=$SET", []string{"A=$SET"}},
		"a long line still fits":  {"A=" + strings.Repeat("x", 60000), []string{"A=" + strings.Repeat("x", 60000)}},
		"the same name twice":     {"A=1\nA=2", []string{"A=1", "A=2"}},
		"only a mark and a blank": {"\ufeff \n", nil},
	} {
		got, err := ParseEnvFile(strings.NewReader(c.text), environ)
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (- wanted, + got):\n%s", what, err, diff)
		}
	}
}

func TestParseEnvFileNamesTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"A=1\nB C=1":                            "line 2: variable name \"B C\" contains blanks",
		"export A=1":                            "line 1: variable name \"export A\"",
		"# c\n\n=1":                             "line 3: no variable name",
		"A=1\nA B":                              "line 2: variable name",
		"A\xff=1":                               "line 1: not UTF-8",
		"A=1\nB=\x00":                           "line 2: variable \"B\" contains a NUL",
		"A=1\nB=" + strings.Repeat("x", 1<<16):  "line 2: longer than 65536 bytes",
		"A=1\n\ufeffB C=1":                      "line 2: variable name",
		"A=1\nB\t=" + strings.Repeat("x", 1<<8): "line 2: variable name",
	} {
		got, err := ParseEnvFile(strings.NewReader(text), nil)
		refused(t, text[:min(len(text), 20)], err, want)
		if got != nil {
			t.Errorf("%.20q: variables %q beside an error", text, got)
		}
	}
}

func FuzzParseEnvFile(f *testing.F) {
	for _, s := range []string{"A=1\n# c\nB\n", "\ufeffA=1", "A B=1", "=\n", "A=\x00", "\r\n\r"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		env, err := ParseEnvFile(strings.NewReader(text), []string{"B=host"})
		if err != nil {
			if !strings.Contains(err.Error(), "line ") {
				t.Fatalf("the error names no line: %v", err)
			}
			return
		}
		for _, v := range env {
			if name, _, ok := strings.Cut(v, "="); !ok || name == "" || strings.ContainsAny(v, "\n\x00") || strings.ContainsAny(name, " \t") {
				t.Fatalf("%q gave %q", text, v)
			}
		}
		if _, err := with(func(in *Input) { in.Options.Env = env }); err != nil {
			t.Fatalf("Build refuses what ParseEnvFile gave: %v", err)
		}
	})
}
