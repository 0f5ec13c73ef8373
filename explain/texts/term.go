package texts

import (
	"fmt"
	"slices"
	"strings"
)

// A Term explains one word.
type Term struct {
	Name string   // "pid-namespace"
	Also []string // other names: "pidns"
	Text string   // one or two paragraphs
	See  []string // ids of steps, names of terms
}

const (
	alsoPrefix = "also: "
	seePrefix  = "See: "
)

func parseTerm(name string, data []byte) (Term, error) {
	d, err := parse(name, data)
	if err != nil {
		return Term{}, err
	}
	body := d.preface
	t := Term{Name: name, Also: also(string(data))}
	if t.Also != nil {
		body = trim(body[1:])
	}
	if len(body) < 2 {
		return Term{}, fmt.Errorf("%s: want a paragraph, and a last line %q", name, seePrefix)
	}
	last := body[len(body)-1]
	see, found := strings.CutPrefix(last.text, seePrefix)
	if !found {
		return Term{}, fmt.Errorf("%s:%d: want a last line %q", name, last.number, seePrefix)
	}
	if t.See, err = words(name, []line{{last.number, see}}); err != nil {
		return Term{}, err
	}
	body = body[:len(body)-1]
	if body[len(body)-1].text != "" {
		return Term{}, fmt.Errorf("%s:%d: want an empty line before %q", name, last.number, seePrefix)
	}
	t.Text = prose(trim(body))
	return t, nil
}

// also reads a term's other names, which stand right below its title.
func also(data string) []string {
	_, rest, _ := strings.Cut(data, "\n")
	second, _, _ := strings.Cut(rest, "\n")
	list, found := strings.CutPrefix(second, alsoPrefix)
	if !found {
		return nil
	}
	names := strings.Split(list, ",")
	for i, n := range names {
		names[i] = strings.TrimSpace(n)
	}
	return names
}

// termAlso finds the term that has one of the words among its other names. It
// reads the head of every file for that, and parses only the one it finds.
func termAlso(words []string) (Term, bool) {
	for _, name := range Terms() {
		data, err := files.ReadFile("terms/" + name + extension)
		if err != nil {
			continue
		}
		for _, other := range also(string(data)) {
			if slices.Contains(words, hyphened(other)) {
				t, err := parseTerm(name, data)
				return t, err == nil
			}
		}
	}
	return Term{}, false
}

// spellings are the ways in which a term could be written down that somebody
// asks for: as it is, then without the ending of a plural.
func spellings(word string) []string {
	w := hyphened(word)
	all := []string{w}
	for _, ending := range [][2]string{{"ies", "y"}, {"es", ""}, {"s", ""}} {
		if stem, found := strings.CutSuffix(w, ending[0]); found {
			all = append(all, stem+ending[1])
		}
	}
	return all
}

// hyphened writes a word as the names of terms are written.
func hyphened(word string) string {
	return strings.NewReplacer(" ", "-", "_", "-").Replace(strings.ToLower(strings.TrimSpace(word)))
}
