package spec

import (
	"slices"
	"testing"
)

func TestCommandFollowsDocker(t *testing.T) {
	str := func(s string) *string { return &s }
	for what, c := range map[string]struct {
		entrypoint, cmd []string // the image's
		override        *string  // --entrypoint
		command         []string // behind the image
		want            []string // nil: refused
	}{
		"cmd alone":                        {nil, []string{"/bin/sh"}, nil, nil, []string{"/bin/sh"}},
		"entrypoint and cmd":               {[]string{"e"}, []string{"c"}, nil, nil, []string{"e", "c"}},
		"entrypoint alone":                 {[]string{"e", "1"}, nil, nil, nil, []string{"e", "1"}},
		"a command replaces cmd":           {[]string{"e"}, []string{"c"}, nil, []string{"x", "y"}, []string{"e", "x", "y"}},
		"--entrypoint forgets cmd":         {[]string{"e"}, []string{"c"}, str("new"), nil, []string{"new"}},
		"--entrypoint and a command":       {[]string{"e"}, []string{"c"}, str("new"), []string{"x"}, []string{"new", "x"}},
		"--entrypoint '' and a command":    {[]string{"e"}, []string{"c"}, str(""), []string{"x"}, []string{"x"}},
		"--entrypoint '' and no command":   {[]string{"e"}, []string{"c"}, str(""), nil, nil},
		"image with an empty entrypoint":   {[]string{""}, []string{"c"}, nil, nil, []string{"c"}},
		"image with nothing":               {nil, nil, nil, nil, nil},
		"image with nothing but a command": {nil, nil, nil, []string{"x"}, []string{"x"}},
		"empty first word":                 {nil, []string{"c"}, nil, []string{""}, nil},
		"empty later word":                 {nil, nil, nil, []string{"x", ""}, []string{"x", ""}},
	} {
		res, err := with(func(in *Input) {
			in.Image.Entrypoint, in.Image.Cmd = c.entrypoint, c.cmd
			in.Options.Entrypoint, in.Options.Command = c.override, c.command
		})
		if c.want == nil {
			refused(t, what, err, "no command specified")
			if hint(err) == "" {
				t.Errorf("%s: the error has no hint", what)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", what, err)
		} else if got := res.Spec.Process.Args; !slices.Equal(got, c.want) {
			t.Errorf("%s: args %q, want %q", what, got, c.want)
		}
	}
}

func TestCommandWithNULIsRefused(t *testing.T) {
	_, err := with(func(in *Input) { in.Options.Command = []string{"sh", "a\x00b"} })
	refused(t, "NUL in an argument", err, "NUL")
}

func TestCommandDoesNotWriteIntoTheImage(t *testing.T) {
	in := alpine()
	entrypoint := append(make([]string, 0, 8), "e")
	in.Image.Entrypoint, in.Options.Command = entrypoint, []string{"mine"}
	if _, err := Build(in); err != nil {
		t.Fatal(err)
	}
	if hidden := entrypoint[:2][1]; hidden != "" {
		t.Errorf("Build wrote %q behind the image's entrypoint", hidden)
	}
}

func TestWorkdir(t *testing.T) {
	for what, c := range map[string]struct{ image, flag, want string }{
		"neither":              {"", "", "/"},
		"the image's":          {"/app", "", "/app"},
		"-w wins":              {"/app", "/srv", "/srv"},
		"cleaned":              {"", "/a/../b/", "/b"},
		"not above the root":   {"", "/../..", "/"},
		"relative":             {"", "srv", ""},
		"the image's relative": {"app", "", ""},
		"NUL":                  {"", "/a\x00", ""},
	} {
		res, err := with(func(in *Input) { in.Image.WorkingDir, in.Options.Workdir = c.image, c.flag })
		if c.want == "" {
			refused(t, what, err, "not an absolute path")
		} else if err != nil {
			t.Errorf("%s: %v", what, err)
		} else if got := res.Spec.Process.Cwd; got != c.want {
			t.Errorf("%s: cwd %s, want %s", what, got, c.want)
		}
	}
}

// TestInit: Docker puts its init into the command line; ours is PID 1 without
// being named there.
func TestInit(t *testing.T) {
	for pid, want := range map[string]bool{"": true, "host": false} {
		res := must(t, func(in *Input) { in.Options.Init, in.Options.PID = true, pid })
		if got := res.Spec.Process.Args; res.Init != want || !slices.Equal(got, []string{"/bin/sh"}) {
			t.Errorf("--init --pid=%q: init %v, args %q; want %v and the program alone", pid, res.Init, got, want)
		}
	}
}

func TestTerminal(t *testing.T) {
	if must(t, func(*Input) {}).Spec.Process.Terminal {
		t.Error("without -t: there is a terminal")
	}
	if !must(t, func(in *Input) { in.Options.TTY = true }).Spec.Process.Terminal {
		t.Error("with -t: there is no terminal")
	}
}
