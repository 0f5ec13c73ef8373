package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSettings(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config.yaml")
	text := "root: /from/file\nregistry-mirrors: [http://file, http://both]\ninsecure-registries: [file]\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LEARNBOX_CONFIG", config)
	for _, c := range []struct {
		name              string
		flags             cli
		root, mirrors     string // in the environment
		wantRoot, wantRun string
		wantMirrors       []string
	}{
		{"the file alone", cli{}, "", "", "/from/file", "/from/file/run", []string{"http://file", "http://both"}},
		{"the environment before it", cli{}, "/env", "http://env, http://both", "/env", "/env/run", []string{"http://env", "http://both", "http://file"}},
		{
			"flags before both",
			cli{Root: "/flag/../f", RegistryMirror: []string{"http://flag"}},
			"/env", "http://env",
			"/f", "/f/run",
			[]string{"http://flag", "http://env", "http://file", "http://both"},
		},
		{"the default root has Linux's run directory", cli{Root: defaultRoot}, "", "", defaultRoot, defaultRunDir, []string{"http://file", "http://both"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("LEARNBOX_ROOT", c.root)
			t.Setenv("LEARNBOX_REGISTRY_MIRRORS", c.mirrors)
			var a app
			if err := a.configure(&c.flags); err != nil {
				t.Fatal(err)
			}
			if a.root != c.wantRoot || a.runDir != c.wantRun {
				t.Errorf("root %s, run directory %s, want %s, %s", a.root, a.runDir, c.wantRoot, c.wantRun)
			}
			if diff := cmp.Diff(c.wantMirrors, a.registries.Mirrors); diff != "" {
				t.Errorf("mirrors (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseConfig(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", ""},
		{"only a comment", "# nothing\n", ""},
		{"all keys", "root: /x\nregistry-mirrors:\n- http://a\ninsecure-registries: [b, 10.0.0.0/8]\n", ""},
		{"an unknown key", "root: /x\nrooot: /y\n", "line 2: rooot is no setting"},
		{"two of them", "a: 1\nb: 2\n", "line 1: a is no setting; line 2: b is no setting"},
		{"a list where one word belongs", "root: [a]\n", "line 1: cannot unmarshal !!seq into string"},
		{"no YAML", "\t{", "found character that cannot start any token"},
		{"two documents", "root: /x\n---\nroot: /y\n", "there is more than one document"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parseConfig("f", strings.NewReader(c.text))
			if (err == nil) != (c.want == "") || err != nil && !strings.HasSuffix(err.Error(), c.want) {
				t.Errorf("parseConfig(%q) = %v, want an error that ends in %q", c.text, err, c.want)
			}
		})
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add("root: /x\nregistry-mirrors: [a]\n")
	f.Add("a: &a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseConfig("f", strings.NewReader(text))
		if err != nil && (c.Root != "" || c.RegistryMirrors != nil) {
			t.Errorf("parseConfig(%q) gives settings with the error %v", text, err)
		}
	})
}

func TestSudoLine(t *testing.T) {
	got := sudoLine([]string{"./learnbox", "run", "-it", "a b", "it's", ""}, []string{"HOME=/x", "LEARNBOX_ROOT=/r", "LEARNBOX_CONFIG="})
	want := `sudo LEARNBOX_ROOT=/r ./learnbox run -it 'a b' 'it'\''s' ''`
	if got != want {
		t.Errorf("sudoLine = %s, want %s", got, want)
	}
}
