package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/learnbox/learnbox/explain/whatif"
	"github.com/learnbox/learnbox/internal/privtest"
	"github.com/learnbox/learnbox/sandbox/cgroup"
)

// TestWhatifKnowsEveryStep wants each step to be tried or to have a reason.
func TestWhatifKnowsEveryStep(t *testing.T) {
	ids := stepIDs()
	for _, id := range ids {
		_, tried := whatif.For(id)
		if why := whatif.Reason(id); tried == (why != "") {
			t.Errorf("%s: tried: %t, reason not to: %q; want exactly one of the two", id, tried, why)
		}
	}
	for _, row := range whatif.Rows() {
		if !slices.Contains(ids, row.Step) {
			t.Errorf("there is no step %s", row.Step)
		}
	}
}

// TestWhatif leaves out each step that can be, wants that to show, and compares
// docs/whatif.md with what it showed. LEARNBOX_UPDATE_SCRIPTS=1 writes it anew.
func TestWhatif(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	h, err := cgroup.Detect()
	if err != nil {
		t.Fatal(err)
	}
	hostname, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	page := pageHead
	for _, row := range whatif.Rows() {
		args := slices.Concat([]string{"whatif", "--json", "--without", row.Step}, row.Flags, []string{"tiny"})
		if row.Step == "ns.cgroup" && h.Version == 1 {
			continue // no run takes it: only version 2 shows a container a view of its own
		}
		var c whatif.Comparison
		if err := json.Unmarshal([]byte(b.must(t, args...)), &c); err != nil {
			t.Fatal(err)
		}
		if !c.Differs() {
			t.Errorf("without %s nothing is different: %v", row.Step, c.Answers)
		}
		if row.Step != "ns.cgroup" {
			page += pageRow(row, c, b.root)
		}
	}
	page += pageReasons()
	comparePage(t, page)
	if now, err := os.Hostname(); err != nil || now != hostname {
		t.Errorf("the machine's name was %s and is %s (%v)", hostname, now, err)
	}
	b.nothingLeft(t)
}

func comparePage(t *testing.T, want string) {
	t.Helper()
	file := filepath.Join("..", "..", "docs", "whatif.md")
	if os.Getenv("LEARNBOX_UPDATE_SCRIPTS") != "" {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) == want {
		return
	}
	t.Error("docs/whatif.md differs from what happened; write it with: LEARNBOX_UPDATE_SCRIPTS=1 go test ./cmd/learnbox -run TestWhatif")
	lines := strings.Split(string(got), "\n")
	for line := range strings.SplitSeq(want, "\n") {
		if !slices.Contains(lines, line) {
			t.Log("new: " + line)
		}
	}
}

const pageHead = `# What if a step is left out

<!-- Made by a test from what happened; see CONTRIBUTING.md. -->

` + "`learnbox whatif --without STEP IMAGE`" + ` runs a container twice, with a step and without it, and asks both the same. Both runs take place in
a shield: namespaces and a control group around those of the container, which for it are the machine's. This page has the answers for
every step. ` + "`learnbox explain STEP`" + ` says what they mean.

| without | asked | with it | without it |
| --- | --- | --- | --- |
`

// pageRow is what one comparison says, without what differs from one machine to
// the next.
func pageRow(row whatif.Row, c whatif.Comparison, root string) string {
	var b strings.Builder
	name := "`" + strings.Join(append([]string{row.Step}, row.Flags...), " ") + "`"
	for _, trip := range c.Tripped {
		fmt.Fprintf(&b, "| %s | `%s` | done | %s |\n", name, trip.Step, cell(trip.Error, root))
		name = ""
	}
	for _, a := range c.Answers {
		if a.With == a.Without && a.What == c.Answers[0].What { // both ran
			continue
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, a.What, cell(a.With, root), cell(a.Without, root))
		name = ""
	}
	return b.String()
}

func cell(answer, root string) string {
	for _, r := range [][2]string{
		{regexp.QuoteMeta(root), "ROOT"},
		{regexp.QuoteMeta(allCaps()), "all that the machine has"},
		{`\b[0-9a-f]{12}\b`, "ID"},
		{`/proc/self/fd/[0-9]+`, "/proc/self/fd/N"},
		{`[0-9]+ more`, "N more"},
		{`/sys/fs/cgroup/.*/`, "…/"},
	} {
		answer = regexp.MustCompile(r[0]).ReplaceAllString(answer, r[1])
	}
	if answer == "" {
		return "nothing"
	}
	return strings.ReplaceAll(answer, "|", `\|`)
}

// allCaps is the bounding set of this process.
func allCaps() string {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return ""
	}
	_, after, _ := strings.Cut(string(data), "CapBnd:\t")
	all, _, _ := strings.Cut(after, "\n")
	return all
}

func pageReasons() string {
	text := `
` + "`ns.cgroup`" + ` is taken on control groups of version 2 only; without it the container reads its place on the machine in /proc/self/cgroup.

What cannot be left out:

| step | because |
| --- | --- |
`
	for _, id := range stepIDs() {
		if why := whatif.Reason(id); why != "" {
			text += fmt.Sprintf("| `%s` | %s |\n", id, why)
		}
	}
	return text
}
