package texts

import (
	"reflect"
	"strings"
	"testing"
)

const aStep = `# ns.uts

## What the kernel offers

One line
and another.

A second paragraph.

## Without it

It breaks.

## Look

    readlink /proc/$PID/ns/uts
      uts:[*]
    *

Two namespaces.

## In Docker and runc

The same.

## Manual pages

uts_namespaces(7), unshare(2)

## Lesson

namespaces/uts
`

func TestParseStep(t *testing.T) {
	got, err := parseStep("ns.uts", []byte(aStep))
	want := Step{
		ID: "ns.uts", Kernel: "One line and another.\n\nA second paragraph.", Without: "It breaks.",
		Look:   Look{Command: "readlink /proc/$PID/ns/uts", Output: []string{"  uts:[*]", "*"}, Says: "Two namespaces."},
		Docker: "The same.", Man: []string{"uts_namespaces(7)", "unshare(2)"}, Lesson: "namespaces/uts",
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("parseStep = %+v, %v, want %+v", got, err, want)
	}
}

func TestParseStepRefuses(t *testing.T) {
	for name, test := range map[string]struct{ old, new, want string }{
		"another title":            {"# ns.uts", "# ns.ipc", `ns.uts:1: want the title "# ns.uts"`},
		"no title":                 {"# ns.uts\n", "ns.uts\n", "ns.uts:1: want the title"},
		"text below the title":     {"\n\n## What", "\n\nHello.\n\n## What", "ns.uts:3: want the first heading"},
		"a heading of level three": {"A second", "### A second", "ns.uts:8: want no heading but"},
		"another heading":          {"## Without it", "## Without", `ns.uts:10: want the heading "Without it", not "Without"`},
		"a missing heading":        {"## Without it\n\nIt breaks.\n\n", "", `ns.uts:10: want the heading "Without it", not "Look"`},
		"a heading too many":       {"namespaces/uts\n", "namespaces/uts\n\n## More\n\nWords.\n", `ns.uts:34: "More" is one heading too many`},
		"the last heading missing": {"## Lesson\n\nnamespaces/uts\n", "", `ns.uts: the heading "Lesson" is missing`},
		"nothing below a heading":  {"It breaks.\n", "", `ns.uts:10: nothing stands below "Without it"`},
		"no block":                 {"    readlink /proc/$PID/ns/uts\n      uts:[*]\n    *\n\n", "", "ns.uts:16: want an indented block"},
		"no output":                {"      uts:[*]\n    *\n", "", "ns.uts:17: want an indented block"},
		"no sentence":              {"\nTwo namespaces.\n", "", "ns.uts: want an empty line and a sentence"},
		"no empty line":            {"    *\n\nTwo", "    *\nTwo", "ns.uts: want an empty line and a sentence"},
		"a second block":           {"Two namespaces.\n", "Two namespaces.\n\n    true\n", "ns.uts:22: want one indented block"},
		"manual pages as prose":    {"uts_namespaces(7),", "See uts_namespaces(7),", "ns.uts:28: want words with commas"},
		"a comma too many":         {"unshare(2)\n", "unshare(2),\n", "ns.uts:28: want words with commas"},
		"two lessons":              {"namespaces/uts\n", "namespaces/uts, namespaces/pid\n", "ns.uts:32: want one lesson"},
		"a lesson without module":  {"namespaces/uts\n", "uts\n", "ns.uts:32: want one lesson"},
	} {
		changed := strings.Replace(aStep, test.old, test.new, 1)
		if changed == aStep {
			t.Fatalf("%s: the test changes nothing", name)
		}
		_, err := parseStep("ns.uts", []byte(changed))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
}

const anError = `# mount EBUSY

## What the kernel says

It is in use.

## Where learnbox meets it

rootfs.overlay,
rootfs.volumes

Seldom.

## What to do

Look for it:

    grep x /proc/[0-9]*/mountinfo
    kill PID

Then try again.

## Manual pages

mount(2)
`

func TestParseError(t *testing.T) {
	got, err := parseError("mount-EBUSY", []byte(anError))
	want := Error{
		Call: "mount", Errno: "EBUSY", Kernel: "It is in use.",
		Steps: []string{"rootfs.overlay", "rootfs.volumes"}, Where: "Seldom.",
		Do:  "Look for it:\n\n    grep x /proc/[0-9]*/mountinfo\n    kill PID\n\nThen try again.",
		Man: []string{"mount(2)"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("parseError = %+v, %v, want %+v", got, err, want)
	}
	nowhere := strings.Replace(anError, "rootfs.overlay,\nrootfs.volumes\n\nSeldom.", "none", 1)
	if got, err = parseError("mount-EBUSY", []byte(nowhere)); err != nil || got.Steps != nil || got.Where != "" {
		t.Errorf("an error of no step has %q, %q, %v", got.Steps, got.Where, err)
	}
}

func TestParseErrorRefuses(t *testing.T) {
	for name, test := range map[string]struct{ old, new, want string }{
		"the file's name as title": {"# mount EBUSY", "# mount-EBUSY", "mount EBUSY:1: want the title"},
		"text below the title":     {"\n\n## What the", "\n\nHello.\n\n## What the", "mount EBUSY:3: want the first heading"},
		"prose for steps":          {"rootfs.overlay,\n", "At the overlay.\n", "mount EBUSY:9: want words with commas"},
		"no way out":               {"## What to do", "## What not to do", `mount EBUSY:14: want the heading "What to do"`},
		"manual pages as prose":    {"mount(2)\n", "see mount(2)\n", "mount EBUSY:25: want words with commas"},
	} {
		changed := strings.Replace(anError, test.old, test.new, 1)
		if changed == anError {
			t.Fatalf("%s: the test changes nothing", name)
		}
		if _, err := parseError("mount-EBUSY", []byte(changed)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
}

func TestParseTerm(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want Term
		err  string
	}{
		"with other names": {
			"# pty\nalso: pts, pseudo-terminal\n\nA pair\nof ends.\n\nMore.\n\nSee: terminal, tty.open\n",
			Term{"pty", []string{"pts", "pseudo-terminal"}, "A pair of ends.\n\nMore.", []string{"terminal", "tty.open"}},
			"",
		},
		"without":                {"# pty\n\nA pair.\n\nSee: terminal\n", Term{"pty", nil, "A pair.", []string{"terminal"}}, ""},
		"another title":          {"# tty\n\nA pair.\n\nSee: terminal\n", Term{}, "pty:1: want the title"},
		"a heading":              {"# pty\n\nA pair.\n\n## More\n\nSee: terminal\n", Term{}, `pty:5: "More" is one heading too many`},
		"nothing":                {"# pty\n", Term{}, "pty: want a paragraph"},
		"no text":                {"# pty\nalso: pts\n\nSee: terminal\n", Term{}, "pty: want a paragraph"},
		"nowhere to go":          {"# pty\n\nA pair.\n\nMore.\n", Term{}, "pty:5: want a last line"},
		"no line before the see": {"# pty\n\nA pair.\nSee: terminal\n", Term{}, "pty:4: want an empty line"},
		"a sentence to see":      {"# pty\n\nA pair.\n\nSee: the terminal\n", Term{}, "pty:5: want words with commas"},
	} {
		got, err := parseTerm("pty", []byte(test.text))
		if test.err == "" && (err != nil || !reflect.DeepEqual(got, test.want)) {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, test.want)
		}
		if test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
			t.Errorf("%s: %v, want %s", name, err, test.err)
		}
	}
}

func TestForTermKnowsTheWord(t *testing.T) {
	for word, want := range map[string]string{
		"namespace": "namespace", "Namespaces": "namespace", "NS": "namespace",
		"capabilities": "capability", "processes": "process", "pid 1": "pid-1", "bind_mount": "bind-mount", "pivot_root": "pivot-root",
		"mount points": "mount", " tty ": "terminal", "no_new_privs": "no-new-privs", "config.json": "config.json",
	} {
		if got, ok := ForTerm(word); !ok || got.Name != want {
			t.Errorf("ForTerm(%q) = %q, %v, want %s", word, got.Name, ok, want)
		}
	}
	for _, word := range []string{"", "s", "spoon", "../steps/ns.uts", "name"} {
		if got, ok := ForTerm(word); ok {
			t.Errorf("ForTerm(%q) = %q, want nothing", word, got.Name)
		}
	}
}

func TestForErrorKnowsTheFamily(t *testing.T) {
	for call, want := range map[string]string{"execve": "exec", "execveat": "exec", "exec": "exec"} {
		if got, ok := ForError(call, "ENOENT"); !ok || got.Call != want {
			t.Errorf("ForError(%q, ENOENT) = %q, %v, want %s", call, got.Call, ok, want)
		}
	}
	for _, test := range [][3]string{{"clone3", "EBUSY", "clone"}, {"openat2", "EXDEV", "openat2"}, {"openat2", "ELOOP", "open"}, {"move_mount", "EINVAL", "mount"}} {
		if got, ok := ForError(test[0], test[1]); !ok || got.Call != test[2] {
			t.Errorf("ForError(%q, %s) = %q, %v, want %s", test[0], test[1], got.Call, ok, test[2])
		}
	}
	for _, test := range [][2]string{{"mount", "ENOSUCH"}, {"spoon", "EBUSY"}, {"", ""}, {"../steps/ns.uts", ""}} {
		if got, ok := ForError(test[0], test[1]); ok {
			t.Errorf("ForError(%q, %q) = %q, want nothing", test[0], test[1], got.Call)
		}
	}
}

func TestAboutNamesTheCallThatFailed(t *testing.T) {
	for message, want := range map[string]string{
		`sysctl net.x: openat2("proc", "sys/net/x", {flags=O_WRONLY}): no such file or directory (ENOENT)`:            "learnbox explain openat2 ENOENT",
		`mount("a: b (c)", "/x", "ext4", 0, ""): device or resource busy (EBUSY)`:                                     "learnbox explain mount EBUSY",
		`/a: execve("/a", ["a", "(EBUSY)"], … /* 0 vars */): resource temporarily unavailable (EAGAIN)`:               "learnbox explain execve EAGAIN",
		"mount(\"a\"): operation not permitted (EPERM)\nmkdir(\"b\"): read-only file system (EROFS)":                  "learnbox explain mount EPERM",
		`clone(CLONE_NEWPID|SIGCHLD) and execve("learnbox-init", ["learnbox-init"]): operation not permitted (EPERM)`: "learnbox explain clone EPERM",
		`spoon("x"): operation not permitted (EPERM)`:                                                                 "",
		`mount("x"): no such device or address (ENXIO)`:                                                               "",
		"mkdir /x: no space left on device":                                                                           "",
		"":                                                                                                            "",
	} {
		if got := About(message); got != want {
			t.Errorf("About(%q) = %q, want %q", message, got, want)
		}
	}
}

func TestForStepKnowsNoOther(t *testing.T) {
	for _, id := range []string{"", "ns", "ns.uts.md", "../terms/pty"} {
		if _, ok := ForStep(id); ok {
			t.Errorf("ForStep(%q) found something", id)
		}
	}
}
