package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// learnbox calls run in this process and returns the exit code and both outputs.
func learnbox(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	t.Setenv("LEARNBOX_CONFIG", filepath.Join(t.TempDir(), "missing"))
	var out, err strings.Builder
	code = run(append([]string{"learnbox"}, args...), nil, &out, &err)
	return code, out.String(), err.String()
}

func TestUsageErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"a flag without its value", []string{"--root"}, "learnbox: --root: missing value\nhint: see learnbox --help\n"},
		{"a verb's flag without its value", []string{"pull", "a", "--platform"}, "learnbox: pull: --platform: missing value\nhint: see learnbox pull --help\n"},
		{"no image", []string{"run", "-it"}, "learnbox: run: IMAGE is missing\nhint: usage: learnbox run [flags] IMAGE [COMMAND [ARG...]]\n"},
		{"a list without its value", []string{"images", "-f"}, "learnbox: images: --filter: missing value\nhint: see learnbox images --help\n"},
		{"no image, by the long name", []string{"container", "run", "-it"}, "learnbox: container run: IMAGE is missing\nhint: usage: learnbox container run [flags] IMAGE [COMMAND [ARG...]]\n"},
		{"one argument too many", []string{"tag", "a", "b", "c"}, "learnbox: tag: unexpected argument c\nhint: see learnbox tag --help\n"},
		{"a word that is none of the choices", []string{"completion", "tcsh"}, "learnbox: completion: <shell> must be one of \"bash\",\"zsh\",\"fish\" but got \"tcsh\"\nhint: see learnbox completion --help\n"},
		{"swapped letters", []string{"isnpect"}, "learnbox: unknown verb \"isnpect\"\nhint: did you mean inspect?\n"},
		{"the beginning of a verb", []string{"ver"}, "learnbox: unknown verb \"ver\"\nhint: did you mean version?\n"},
		{"nothing like a verb", []string{"xyzzy"}, "learnbox: unknown verb \"xyzzy\"\nhint: learnbox --help lists the verbs\n"},
		{"a strange size", []string{"pull", "--max-unpacked", "lots", "a"}, "learnbox: pull: --max-unpacked \"lots\" is no size; it reads 512m or 100g\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := learnbox(t, c.args...)
			if code != exitUsage || stdout != "" || stderr != c.want {
				t.Errorf("learnbox %q = %d, stdout %q, stderr\n%swant 2, \"\",\n%s", c.args, code, stdout, stderr, c.want)
			}
		})
	}
}

// The overview shows the verbs of the model and nothing else: a verb in a group
// without a heading would be invisible.
func TestEveryVerbIsInTheOverviewAndHasExamples(t *testing.T) {
	_, overview, _ := learnbox(t)
	k := model(t)
	for _, v := range k.Model.Children {
		if !strings.Contains(overview, "\n  "+v.Name+" ") {
			t.Errorf("the overview does not show %s", v.Name)
		}
		if !strings.Contains(v.Detail, "Examples:\n  learnbox") && !strings.Contains(v.Detail, "Examples:\n  source") {
			t.Errorf("learnbox %s --help shows no examples", v.Name)
		}
		if _, ok := reflect.TypeAssert[verb](v.Target.Addr()); !ok && len(v.Children) == 0 {
			t.Errorf("%s has no Run", v.Name)
		}
	}
}

// An example with a flag or verb that does not exist teaches nonsense.
func TestExamplesParse(t *testing.T) {
	for _, v := range model(t).Model.Children {
		_, examples, _ := strings.Cut(v.Detail, "Examples:\n")
		for line := range strings.Lines(examples) {
			_, command, ok := strings.Cut(line, "learnbox ")
			if !ok || strings.Contains(line, "$(") {
				continue
			}
			command, _, _ = strings.Cut(command, ")")
			command, _, _ = strings.Cut(command, " > ")
			command, _, _ = strings.Cut(command, " | ")
			if _, err := model(t).Parse(shellWords(command)); err != nil {
				t.Errorf("example of %s: %q: %v", v.Name, strings.TrimSpace(line), err)
			}
		}
	}
}

// shellWords splits at spaces that are not between single quotes.
func shellWords(s string) []string {
	quoted := false
	words := strings.FieldsFunc(strings.TrimSpace(s), func(r rune) bool {
		if r == '\'' {
			quoted = !quoted
		}
		return r == ' ' && !quoted
	})
	for i := range words {
		words[i] = strings.ReplaceAll(words[i], "'", "")
	}
	return words
}

// What was typed for run is typed for these with nothing changed but the verb.
func TestAllFlagsOfRunAreTakenWhereACommandLineOfItIs(t *testing.T) {
	verbs := map[string][]*kong.Flag{}
	for _, v := range model(t).Model.Children {
		verbs[v.Name] = v.Flags
	}
	for _, verb := range []string{"plan", "byhand", "whatif"} {
		for _, f := range verbs["run"] {
			same := func(g *kong.Flag) bool { return g.Name == f.Name && g.Short == f.Short && g.IsBool() == f.IsBool() }
			if !slices.ContainsFunc(verbs[verb], same) {
				t.Errorf("%s does not take --%s as run does", verb, f.Name)
			}
		}
	}
}

// Each verb about containers has the long name that it has in Docker.
func TestLongNames(t *testing.T) {
	all := model(t).Model
	group := childNamed(all.Node, "container")
	for _, v := range all.Children {
		if v.Group.Key != "containers" || slices.Contains([]string{"container", "volume"}, v.Name) {
			continue
		}
		long := childNamed(group, v.Name) // ps is another name of ls
		if long == nil || long.Help != v.Help && v.Name != "inspect" || long.Target.Type() != v.Target.Type() {
			t.Errorf("container %s is not %s", v.Name, v.Name)
		}
	}
}

func model(t testing.TB) *kong.Kong {
	t.Helper()
	k, err := newParser(&cli{})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestFlagsFirst(t *testing.T) {
	for _, c := range []struct{ name, args, want string }{
		{"flags between arguments", "rmi a -f b", "rmi -f a b"},
		{"with a value", "inspect a -f x b --type image", "inspect -f x --type image a b"},
		{"with its value behind =", "inspect a --format=x b", "inspect --format=x a b"},
		{"a group that ends in a flag with a value", "images a -qf x", "images -qf x a"},
		{"a value in the same word", "images a -fx b", "images -fx a b"},
		{"a global flag behind the verb", "pull a --root /x b", "pull --root /x a b"},
		{"global flags before the verb", "--root pull rmi a -f", "--root pull rmi -f a"},
		{"what stands behind --", "rmi a -- -f", "rmi a -- -f"},
		{"a lone - is an argument", "rmi a - -f", "rmi -f a -"},
		{"a value that is missing", "inspect a -f", "inspect a -f"},
		{"a program's arguments are its own", "run a -it b", "run a -it b"},
		{"-- before a program", "run -e -- -it -- b -- c", "run -e -- -it b -- c"},
		{"-- of a program", "run b -- c", "run b -- c"},
		{"below a group", "container rm a -f b", "container rm -f a b"},
		{"by another name", "container list a -f x", "container list -f x a"},
		{"-- before a program, below a group", "--root /x container run -e -- -- b -- c", "--root /x container run -e -- b -- c"},
		{"a group alone", "container -f", "container -f"},
		{"no verb", "--root", "--root"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := strings.Join(flagsFirst(model(t).Model, strings.Fields(c.args)), " ")
			if got != c.want {
				t.Errorf("flagsFirst(%s) = %s, want %s", c.args, got, c.want)
			}
		})
	}
}

func TestReport(t *testing.T) {
	plain := errors.New("it broke")
	hinted := hintedError{errors.New("no"), "try yes"}
	for _, c := range []struct {
		name string
		err  error
		code int
		want string
	}{
		{"nothing went wrong", nil, 0, ""},
		{"a plain error", plain, 1, "learnbox: run: it broke\n"},
		{"a hint deep below", fmt.Errorf("asking: %w", hinted), 1, "learnbox: run: asking: no\nhint: try yes\n"},
		{"a code and its error", exitError{126, hinted}, 126, "learnbox: run: no\nhint: try yes\n"},
		{"only a code", exitError{code: 3}, 3, ""},
		{"a code that was wrapped", fmt.Errorf("so: %w", exitError{125, plain}), 125, "learnbox: run: so: it broke\n"},
		{"several at once, one hint", errors.Join(plain, hinted, hinted), 1, "learnbox: run: it broke\nlearnbox: run: no\nlearnbox: run: no\nhint: try yes\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b strings.Builder
			code := (&report{&b}).fail("run", c.err)
			if code != c.code || b.String() != c.want {
				t.Errorf("fail(%v) = %d, prints\n%swant %d,\n%s", c.err, code, b.String(), c.code, c.want)
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	for b.Loop() {
		if _, _, err := parse(new(cli), []string{"version"}); err != nil {
			b.Fatal(err)
		}
	}
}

// TestParseNarrow compares the model of few flags with the whole one: what the
// first accepts, the second must understand in the same way.
func TestParseNarrow(t *testing.T) {
	for _, line := range []string{
		"run --rm --network none tiny true",
		"run -itv /a:/b --env-file=x -e A=1 -eB=2 --name n --pull always alpine sh -c -x --privileged",
		"run --net host --pid host --ipc=host --uts host --shm-size 1m --dns 1.1.1.1 --dns-search a -h box tiny",
		"run -it --entrypoint= --read-only=true --init tiny -- x",
		"run --rm -- tiny ls",
		"--root /x --registry-mirror http://m,http://n run -u 1:1 -w /w -l a=b tiny",
		"ps -aq --no-trunc --format json",
		"rm a b", "rmi a -f b", "tag a b", "pull -q --platform linux/386 a", "images", "inspect -f x y",
		"version", "completion bash", "help run",
		"container run --rm --network none -e A=1 tiny sh -c -x --rm", "--root /x container create --name run tiny", "container exec -it box ls -l",
		"container ls -aq", "container rm a -f b", "container logs --tail 1 -f box", "volume create --label a=b x",
	} {
		t.Run(line, func(t *testing.T) {
			args := strings.Fields(line)
			var narrow, whole cli
			_, got, ok := parseNarrow(&narrow, args)
			if !ok {
				t.Fatal("not understood")
			}
			k, err := newParser(&whole)
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := k.Parse(flagsFirst(k.Model, args))
			if err != nil {
				t.Fatal(err)
			}
			if want := parsed.Selected().Target.Addr().Interface(); !reflect.DeepEqual(got.verb, want) {
				t.Errorf("got  %+v\nwant %+v", got.verb, want)
			}
			if narrow.Root != whole.Root || !slices.Equal(narrow.RegistryMirror, whole.RegistryMirror) {
				t.Errorf("global flags: got %+v, want %+v", narrow, whole)
			}
		})
	}
}
