package texts

import (
	"fmt"
	"strings"
)

// A Step explains one step of a run. Its texts are paragraphs of any length,
// with an empty line between them.
type Step struct {
	ID      string
	Kernel  string // what the kernel offers
	Without string // what goes wrong when the step is left out
	Look    Look
	Docker  string   // what Docker and runc do here, and the key in config.json
	Man     []string // manual pages: "unshare(2)"
	Lesson  string   // where it is taught: "namespaces/uts"
}

// A Look is the evidence of a step: a command for a second terminal, to be
// typed as root on the host while the container waits right after the step.
type Look struct {
	// Command is a line for sh. It leaves variables open; see Meaning.
	Command string

	// Output is what it prints, a pattern a line: * stands for any characters,
	// and a line that is only a * for any number of lines.
	Output []string

	Says string // what one sees
}

func parseStep(id string, data []byte) (Step, error) {
	d, err := parse(id, data, "What the kernel offers", "Without it", "Look", "In Docker and runc", "Manual pages", "Lesson")
	if err != nil {
		return Step{}, err
	}
	if len(d.preface) > 0 {
		return Step{}, fmt.Errorf("%s:%d: want the first heading right below the title", id, d.preface[0].number)
	}
	body := func(i int) []line { return d.sections[i].body }
	s := Step{ID: id, Kernel: prose(body(0)), Without: prose(body(1)), Docker: prose(body(3))}
	if s.Look, err = parseLook(id, body(2)); err != nil {
		return Step{}, err
	}
	if s.Man, err = words(id, body(4)); err != nil {
		return Step{}, err
	}
	lesson, err := words(id, body(5))
	if err != nil {
		return Step{}, err
	}
	if len(lesson) != 1 || !strings.Contains(lesson[0], "/") {
		return Step{}, fmt.Errorf("%s:%d: want one lesson, as in namespaces/uts", id, body(5)[0].number)
	}
	s.Lesson = lesson[0]
	return s, nil
}

// parseLook reads an indented block, the command and its output, and the
// sentence below it.
func parseLook(id string, body []line) (Look, error) {
	var block []string
	for len(body) > 0 {
		text, found := strings.CutPrefix(body[0].text, indent)
		if !found {
			break
		}
		block, body = append(block, text), body[1:]
	}
	switch {
	case len(block) < 2:
		return Look{}, fmt.Errorf("%s:%d: want an indented block, the command and its output", id, body[0].number)
	case len(body) == 0 || body[0].text != "" || len(trim(body)) == 0:
		return Look{}, fmt.Errorf("%s: want an empty line and a sentence below the output of %q", id, block[0])
	}
	body = trim(body)
	for _, l := range body {
		if strings.HasPrefix(l.text, indent) {
			return Look{}, fmt.Errorf("%s:%d: want one indented block", id, l.number)
		}
	}
	return Look{Command: block[0], Output: block[1:], Says: prose(body)}, nil
}
