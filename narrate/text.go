package narrate

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// A Text prints records for people, 80 columns wide and readable without
// colour. A write that fails is not reported: nothing depends on it.
type Text struct {
	W     io.Writer
	Color bool // emphasise with escape sequences
	Full  bool // all that a record has; otherwise a line for each step

	took []Record // for the table of times
}

const (
	columns   = 80
	idWidth   = 17
	timeWidth = 9
	labelled  = 10 // where the text behind a label begins
)

// Print prints a record.
func (t *Text) Print(r Record) {
	r.ID, r.Title = Plain(r.ID), Plain(r.Title)
	switch {
	case r.Type == TypeTotal:
		t.total(r)
	case r.Type != TypeStep:
	case t.Full:
		t.full(r)
	default:
		t.brief(r)
	}
	if r.Type == TypeStep && r.Phase == Done {
		t.took = append(t.took, r)
	}
}

// brief is one line: id, title, time.
func (t *Text) brief(r Record) {
	last := ""
	switch {
	case r.Phase == Skip:
		last = "-"
	case r.Phase == Fail:
		last = "failed"
	case r.Us > 0:
		last = Duration(r.Us)
	}
	const width = columns - idWidth - 2 - timeWidth
	line := fmt.Sprintf("%s %-*s %*s", t.bold(fmt.Sprintf("%-*s", idWidth, r.ID)), width, Shorten(r.Title, width), timeWidth, last)
	fmt.Fprintln(t.W, strings.TrimRight(line, " "))
}

// full is a paragraph.
func (t *Text) full(r Record) {
	if r.Phase == Skip {
		fmt.Fprintf(t.W, "%s  %s: nothing to do\n\n", t.bold(r.ID), r.Title)
		return
	}
	fmt.Fprintf(t.W, "%s  %s\n", t.bold(r.ID), Shorten(r.Title, columns-len(r.ID)-2))
	t.line("why", r.Why)
	t.line("acts on", strings.Join(r.Args, "; "))
	for _, c := range r.Calls {
		t.line("call", shortIDs(callText(c)))
	}
	t.evidence(r.Evidence)
	t.line("error", r.Error)
	t.line("hint", r.Hint)
	t.verbatim("look", r.Look)
	for i, l := range r.ByHand {
		label := ""
		if i == 0 {
			label = "by hand"
		}
		t.verbatim(label, l)
	}
	t.line("docker", r.Docker)
	t.line("lesson", r.Lesson)
	t.line("man", strings.Join(r.Man, ", "))
	if r.Us > 0 {
		t.line("took", Duration(r.Us))
	}
	fmt.Fprintln(t.W)
}

func callText(c Call) string {
	text := c.Call + " = " + c.Result
	if c.Repeat > 0 {
		text += fmt.Sprintf(", and %d more of the kind", c.Repeat)
	}
	return text + "  [" + c.At + "]"
}

// evidence prints facts; those of one source that follow each other share a
// heading.
func (t *Text) evidence(facts []Fact) {
	for i, f := range facts {
		heading := fmt.Sprintf("%s  [%s]", f.Fact, shortIDs(f.Source))
		same := func(k int) bool {
			return k >= 0 && k < len(facts) && facts[k].Fact == f.Fact && facts[k].Source == f.Source
		}
		switch {
		case !same(i-1) && !same(i+1):
			t.line("kernel", f.Fact+": "+shortIDs(change(f))+"  ["+shortIDs(f.Source)+"]")
			continue
		case !same(i - 1):
			t.line("kernel", heading)
		}
		t.line("", "- "+shortIDs(change(f)))
	}
}

func change(f Fact) string {
	switch {
	case f.Unread != "" && f.Before != "":
		return "not read, " + f.Unread + "; was " + f.Before
	case f.Unread != "":
		return "not read, " + f.Unread
	case f.Before == f.After:
		return f.After + ", as before"
	case f.Before == "":
		return f.After
	case f.After == "":
		return "no longer " + f.Before
	}
	return f.After + ", was " + f.Before
}

// shortIDs cuts IDs and digests to the twelve digits that people read. A
// command that somebody may type is never cut.
func shortIDs(s string) string {
	var b strings.Builder
	for {
		start, end := hexRun(s)
		if end == 0 {
			return b.String() + s
		}
		b.WriteString(s[:start+12] + "…")
		s = s[end:]
	}
}

// hexRun finds the first run of at least 64 hexadecimal digits.
func hexRun(s string) (start, end int) {
	for i := range len(s) {
		switch isHex := s[i] >= '0' && s[i] <= '9' || s[i] >= 'a' && s[i] <= 'f'; {
		case !isHex && i-start >= 64:
			return start, i
		case !isHex:
			start = i + 1
		}
	}
	if len(s)-start >= 64 {
		return start, len(s)
	}
	return 0, 0
}

// line prints text behind a label, wrapped; no text prints nothing.
func (t *Text) line(label, text string) {
	for i, l := range Wrap(Plain(text), columns-labelled) {
		if i > 0 {
			label = ""
		}
		t.put(label, l)
	}
}

// verbatim prints a line that is to be typed, so it is not wrapped.
func (t *Text) verbatim(label, text string) {
	if text == "" {
		return
	}
	t.put(label, Plain(text))
}

// put prints one line behind a label.
func (t *Text) put(label, line string) {
	const blanks = "          "
	_, _ = io.WriteString(t.W, "  "+label+blanks[:labelled-2-len(label)]+line+"\n")
}

// total prints where the time went: brief has told it with every step. Between the steps
// the kernel is read, and what was read is told; steps that were taken side by side may
// leave nothing.
func (t *Text) total(r Record) {
	if t.Full {
		slices.SortStableFunc(t.took, func(a, b Record) int { return int(b.Us - a.Us) })
		fmt.Fprintln(t.W, t.bold("Where the time went"))
		rest := r.Us
		for _, s := range t.took {
			t.row(s.ID, s.Us)
			rest -= s.Us
		}
		t.row("between the steps", rest)
	}
	fmt.Fprintf(t.W, "%-*s %*s\n", columns-1-timeWidth, "total, until the program runs", timeWidth, Duration(r.Us))
	t.took = nil
}

// row is a line of the table of times, for those that are known.
func (t *Text) row(what string, us int64) {
	if us > 0 {
		fmt.Fprintf(t.W, "  %-*s %*s\n", idWidth, what, timeWidth, Duration(us))
	}
}

func (t *Text) bold(s string) string {
	if !t.Color {
		return s
	}
	return "\x1b[1m" + s + "\x1b[0m"
}

// Look prints what the kernel says of a step now, and the command that asks it.
func (t *Text) Look(s Step, facts []Fact, command string) {
	fmt.Fprintf(t.W, "%s  %s\n", t.bold(s.ID), s.Title)
	now := slices.Clone(facts)
	for i := range now {
		now[i].Before = ""
	}
	t.evidence(now)
	if len(facts) == 0 {
		t.line("kernel", "nothing to see of this step, now")
	}
	t.verbatim("look", command)
	fmt.Fprintln(t.W)
}
