package texts

import (
	"fmt"
	"strings"
)

// A document is a Markdown file, taken apart by its headings.
type document struct {
	title    string
	preface  []line // between the title and the first heading
	sections []section
}

// A section is a heading of the second level and what stands below it.
type section struct {
	heading string
	line    int
	body    []line // without blank lines at the beginning and the end
}

// A line knows its number in the file, for errors.
type line struct {
	number int
	text   string
}

// parse takes a file apart. The title has to be name, and the headings those
// given, in their order, each with something below it.
func parse(name string, data []byte, headings ...string) (document, error) {
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	title, found := strings.CutPrefix(lines[0], "# ")
	if !found || title != name {
		return document{}, fmt.Errorf("%s:1: want the title %q", name, "# "+name)
	}
	d := document{title: title}
	for i, text := range lines[1:] {
		l := line{i + 2, strings.TrimRight(text, " \t")}
		heading, found := strings.CutPrefix(l.text, "## ")
		switch n := len(d.sections); {
		case found:
			d.sections = append(d.sections, section{heading: heading, line: l.number})
		case strings.HasPrefix(l.text, "#"):
			return document{}, fmt.Errorf("%s:%d: want no heading but of the second level, \"## \"", name, l.number)
		case n == 0:
			d.preface = append(d.preface, l)
		default:
			d.sections[n-1].body = append(d.sections[n-1].body, l)
		}
	}
	d.preface = trim(d.preface)
	return d, d.check(name, headings)
}

// check holds the sections against the headings that the kind of text has.
func (d document) check(name string, headings []string) error {
	for i, s := range d.sections {
		if i >= len(headings) {
			return fmt.Errorf("%s:%d: %q is one heading too many", name, s.line, s.heading)
		}
		if s.heading != headings[i] {
			return fmt.Errorf("%s:%d: want the heading %q, not %q", name, s.line, headings[i], s.heading)
		}
		d.sections[i].body = trim(s.body)
		if len(d.sections[i].body) == 0 {
			return fmt.Errorf("%s:%d: nothing stands below %q", name, s.line, s.heading)
		}
	}
	if n := len(d.sections); n < len(headings) {
		return fmt.Errorf("%s: the heading %q is missing at the end", name, headings[n])
	}
	return nil
}

// trim takes blank lines off both ends.
func trim(body []line) []line {
	for len(body) > 0 && body[0].text == "" {
		body = body[1:]
	}
	for len(body) > 0 && body[len(body)-1].text == "" {
		body = body[:len(body)-1]
	}
	return body
}

const indent = "    "

// prose joins the lines of each paragraph, for somebody who knows how wide a
// line may be. Paragraphs stay apart by an empty line; lines of an indented
// block stay as they are.
func prose(body []line) string {
	var b strings.Builder
	for i, l := range body {
		switch {
		case i == 0:
		case l.text == "" || body[i-1].text == "" || strings.HasPrefix(l.text, indent):
			b.WriteByte('\n')
		default:
			b.WriteByte(' ')
		}
		b.WriteString(l.text)
	}
	return b.String()
}

// words reads a section that is one list with commas: "mount(2), umount(2)".
func words(name string, body []line) ([]string, error) {
	var all []string
	for word := range strings.SplitSeq(prose(body), ",") {
		word = strings.TrimSpace(word)
		if word == "" || strings.ContainsAny(word, " \n") {
			return nil, fmt.Errorf("%s:%d: want words with commas between them, not %q", name, body[0].number, word)
		}
		all = append(all, word)
	}
	return all, nil
}
