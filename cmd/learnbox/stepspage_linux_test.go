package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/learnbox/learnbox/explain/evidence"
	"github.com/learnbox/learnbox/explain/texts"
	"github.com/learnbox/learnbox/sandbox"
)

// TestStepsPage compares docs/steps.md with the table of steps and what is told
// about them. LEARNBOX_UPDATE_SCRIPTS=1 writes it anew.
func TestStepsPage(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "steps.md")
	want := stepsPage(t)
	if os.Getenv("LEARNBOX_UPDATE_SCRIPTS") != "" {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/steps.md differs from the table of steps; write it with: LEARNBOX_UPDATE_SCRIPTS=1 go test ./cmd/learnbox -run TestStepsPage")
	}
}

func stepsPage(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(`# The steps of a run

<!-- Made from the source by a test; see CONTRIBUTING.md. -->

` + "`learnbox steps`" + ` lists them, ` + "`learnbox explain STEP`" + ` says all there is to say about one, and ` + "`learnbox run --break STEP`" + ` stops
before it. The ids are public: errors, breakpoints, journals and lessons use them.

| step | what the container gets | why it stands at this place | flag | seen by | manual |
| --- | --- | --- | --- | --- | --- |
`)
	flags := map[string]string{}
	built, err := plainContainer("/containers/ID")
	if err != nil {
		t.Fatal(err)
	}
	outline, err := outlineOf(false, built, "/containers/ID", "/rootfs/IMAGE")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range outline {
		flags[s.ID] = flagCell(s)
	}
	for _, s := range allSteps() {
		about, ok := texts.ForStep(s.ID)
		if !ok {
			t.Errorf("there is no text about %s", s.ID)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", s.ID, s.Title, s.Why, flags[s.ID],
			strings.Join(evidence.Facts(s.ID), ", "), strings.Join(about.Man, ", "))
	}
	b.WriteString(`
## The steps of an exec

` + "`learnbox exec`" + ` starts another program in a container. These steps are its own; between ` + "`exec.join` and `exec.clone`" + ` it takes some of
those above, in their order.

| step | what it does | why it stands at this place | manual |
| --- | --- | --- | --- |
`)
	for _, s := range sandbox.EnterSteps() {
		about, ok := texts.ForStep(s.ID)
		if !ok {
			t.Errorf("there is no text about %s", s.ID)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.ID, s.Title, s.Why, strings.Join(about.Man, ", "))
	}
	return b.String()
}

func flagCell(s sandbox.Outlined) string {
	switch {
	case s.ID == "ns.cgroup":
		return "`--cgroupns` decides" // what the default is depends on the machine
	case s.Flag == "":
		return ""
	case s.Adds:
		return "`" + s.Flag + "` adds it"
	}
	return "`" + s.Flag + "` leaves it out"
}
