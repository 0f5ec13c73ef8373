package whatif

import (
	"fmt"
	"io"
	"strings"
)

// Columns of the text: what was asked, and an answer on either side.
const (
	columns = 80
	asked   = 38
	beside  = (columns - asked - 2) / 2
)

// Print writes a comparison for people, 80 columns wide.
func (c Comparison) Print(w io.Writer) error {
	var b strings.Builder
	names := strings.Join(c.Without, " and ")
	fmt.Fprintf(&b, "Without %s: %s\n\n", names, c.Title)
	b.WriteString(Wrap("Why it is there: "+c.Why+".", ""))
	for _, t := range c.Tripped {
		b.WriteString("\n" + Wrap(fmt.Sprintf("Without it %s fails, too, and was left out for the rest:", t.Step), "") + Wrap(t.Error, "    "))
	}
	fmt.Fprintf(&b, "\n%-*s %-*s without\n", asked, "", beside, "with")
	for _, a := range c.Answers {
		a.print(&b)
	}
	if !c.Differs() {
		b.WriteString("\n" + Wrap(c.nothing(), ""))
	}
	b.WriteString("\n" + Wrap(c.Means, ""))
	if c.Careful != "" {
		b.WriteString("\n" + Wrap("Careful: "+c.Careful+".", ""))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// nothing says that the step made no difference, and what would show one.
func (c Comparison) nothing() string {
	text := "Nothing of this differs: the step does nothing in this run."
	if len(c.Try) > 0 {
		text += " It would with " + strings.Join(c.Try, " ") + "."
	}
	return text
}

// print writes one answer: in columns if it fits, else one below the other.
func (a Answer) print(b *strings.Builder) {
	with, without := orNothing(a.With), orNothing(a.Without)
	if len(a.What) <= asked && fits(with) && fits(without) {
		fmt.Fprintf(b, "%-*s %-*s %s\n", asked, a.What, beside, with, without)
		return
	}
	fmt.Fprintf(b, "%s\n", a.What)
	for _, s := range [][2]string{{"with", with}, {"without", without}} {
		text := Wrap(s[1], "            ")
		fmt.Fprintf(b, "    %-7s %s", s[0], strings.TrimLeft(text, " "))
	}
}

func fits(s string) bool { return len(s) <= beside && !strings.Contains(s, "\n") }

func orNothing(s string) string {
	if s == "" {
		return "(nothing)"
	}
	return s
}

// Wrap breaks the lines of a text that are too long at blanks, and sets indent
// before each.
func Wrap(text, indent string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if len(indent)+len(line) <= columns {
			b.WriteString(strings.TrimRight(indent+line, " ") + "\n")
			continue
		}
		width := 0
		for i, word := range strings.Fields(line) {
			switch {
			case i > 0 && width+1+len(word) <= columns:
				b.WriteString(" " + word)
				width += 1 + len(word)
				continue
			case i > 0:
				b.WriteString("\n")
			}
			b.WriteString(indent + word)
			width = len(indent) + len(word)
		}
		b.WriteString("\n")
	}
	return b.String()
}
