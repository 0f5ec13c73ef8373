package narrate

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var step = Step{ID: "ns.uts", Title: "A hostname of its own", Why: "so that host.name below cannot rename the machine"}

// full has something in every field, and words from strangers.
var full = Record{
	Type: TypeStep, ID: step.ID, N: 3, Phase: Done, Pid: 4711, Title: step.Title, Why: step.Why,
	Args:  []string{"one \x1b[31mred", "two"},
	Calls: []Call{{Call: "unshare(CLONE_NEWUTS)", Result: "ok", At: "sandbox/guest_linux.go:99", Repeat: 2}},
	Evidence: []Fact{
		{"uts namespace", "/proc/4711/ns/uts", "uts:[1]", "uts:[2]", ""},
		{"file", "/a", "", "x", ""},
		{"file", "/a", "", "y", ""},
		{"same", "/b", "v", "v", ""},
		{"gone", "/c", "w", "", ""},
		{"late", "/d", "v", "", "it had ended"},
		{"never", "/e", "", "", "it had ended"},
	},
	Look: "readlink /proc/4711/ns/uts", ByHand: []string{"unshare --uts", "hostname box"},
	Docker: "linux.namespaces[type=uts]", Lesson: "namespaces/uts", Man: []string{"unshare(2)", "uts_namespaces(7)"},
	Error: "unshare: EPERM", Hint: "be root", Us: 1234,
}

func printed(t Text, records ...Record) string {
	var b strings.Builder
	t.W = &b
	for _, r := range records {
		t.Print(r)
	}
	return b.String()
}

func TestBriefIsOneLineAStep(t *testing.T) {
	long := full
	long.Title = strings.Repeat("long ", 30)
	fits := full
	fits.Title = strings.Repeat("t", 52)
	unknown := full
	unknown.Us = 0
	skipped, failed := full, full
	skipped.Phase, failed.Phase = Skip, Fail
	got := printed(Text{}, Record{Type: TypeHello}, full, long, fits, unknown, skipped, failed, Record{Type: TypeTotal, Us: 11_200_000})
	lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
	if len(lines) != 7 {
		t.Fatalf("%d lines:\n%s", len(lines), got)
	}
	for i, end := range []string{" 1.23 ms", "…   1.23 ms", "t   1.23 ms", "its own", " -", " failed", " 11.2 s"} {
		if !strings.HasSuffix(lines[i], end) || utf8.RuneCountInString(lines[i]) > columns {
			t.Errorf("line %d is %q, want an end like %q in %d columns", i+1, lines[i], end, columns)
		}
	}
	if !strings.HasPrefix(lines[0], "ns.uts            A hostname of its own ") {
		t.Errorf("got %q", lines[0])
	}
}

func TestFullSaysAll(t *testing.T) {
	got := printed(Text{Full: true}, full, Record{Type: TypeTotal, Us: 5000})
	for _, want := range []string{
		"ns.uts  A hostname of its own\n",
		"  why     so that host.name below cannot rename the machine\n",
		`  acts on one \x1b[31mred; two` + "\n",
		"  call    unshare(CLONE_NEWUTS) = ok, and 2 more of the kind\n          [sandbox/guest_linux.go:99]\n",
		"  kernel  uts namespace: uts:[2], was uts:[1] [/proc/4711/ns/uts]\n",
		"  kernel  file [/a]\n          - x\n          - y\n",
		"  kernel  same: v, as before [/b]\n",
		"  kernel  gone: no longer w [/c]\n",
		"  kernel  late: not read, it had ended; was v [/d]\n",
		"  kernel  never: not read, it had ended [/e]\n",
		"  error   unshare: EPERM\n  hint    be root\n",
		"  look    readlink /proc/4711/ns/uts\n",
		"  by hand unshare --uts\n          hostname box\n",
		"  lesson  namespaces/uts\n  man     unshare(2), uts_namespaces(7)\n  took    1.23 ms\n",
		"Where the time went\n  ns.uts              1.23 ms\n  between the steps   3.77 ms\ntotal, ",
		"total, until the program runs",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %q:\n%s", want, got)
		}
	}
	if strings.ContainsRune(got, '\x1b') {
		t.Error("an escape sequence without colour, or from a stranger")
	}
	if !strings.HasPrefix(printed(Text{Full: true, Color: true}, full), "\x1b[1mns.uts\x1b[0m") {
		t.Error("no colour where it was asked for")
	}
}

func TestShortIDs(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	for in, want := range map[string]string{
		"/x/" + id + "/y": "/x/0123456789ab…/y",
		id + " and " + id: "0123456789ab… and 0123456789ab…",
		"no " + id[:63]:   "no " + id[:63],
		"":                "",
	} {
		if got := shortIDs(in); got != want {
			t.Errorf("shortIDs(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestNarratorTellsAndMayEndTheRun(t *testing.T) {
	var phases []Phase
	n := &Narrator{Hear: func(e Event) error {
		phases = append(phases, e.Phase)
		if e.Pid != 7 {
			t.Errorf("an event without what fill adds: %+v", e)
		}
		return nil
	}}
	fill := func(e *Event) { e.Pid = 7 }
	broken := errors.New("broken")
	if err := n.Run(step, func() error { time.Sleep(time.Millisecond); return nil }, fill); err != nil {
		t.Error(err)
	}
	if err := n.Run(step, func() error { return broken }, fill); !errors.Is(err, broken) {
		t.Errorf("Run = %v, want the step's own error", err)
	}
	if got := []Phase{Begin, Done, Begin, Fail}; len(phases) != 4 || phases[1] != got[1] || phases[3] != got[3] {
		t.Errorf("heard %v, want %v", phases, got)
	}
	enough := errors.New("enough")
	n.Hear = func(Event) error { return enough }
	if err := n.Run(step, func() error { t.Error("the step was taken"); return nil }); !errors.Is(err, enough) {
		t.Errorf("Run = %v, want what Hear said", err)
	}
	var silent *Narrator
	if err := silent.Run(step, func() error { return broken }); !errors.Is(err, broken) || silent.Attends() {
		t.Errorf("a nil Narrator: %v", err)
	}
}
