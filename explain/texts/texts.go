// Package texts holds what learnbox says when somebody asks why: about each
// step of a run, about the errors that one can end in, and about the words
// that both of them use.
//
// The texts are Markdown files beside this one, so that they can be read and
// mended without Go, and they are embedded, so that learnbox explains itself on
// a machine without a network. One file is one text:
//
//	steps/ns.uts.md        a step, by its id
//	errors/mount-EBUSY.md  a system call that failed, and with which errno
//	terms/namespace.md     a word
//
// They are a little more than prose. A step names the command that shows in the
// kernel what it did, with the output to expect; an error lists the steps
// that can end in it; a term points to others. Programs read those
// parts, tests run the commands, so the form is strict: the headings of a kind
// of text are always the same ones in the same order, and a file that departs
// from that is an error with its line. document.go takes a file apart;
// step.go, failure.go and term.go know what each kind consists of.
//
// Nothing is parsed before it is asked for, and then only the file in question:
// this package must cost nothing in a run that nobody wants explained.
//
// Left out: how a text is printed (that is for those who ask), what a
// step did this time (narrate tells that), and the lessons.
package texts

import (
	"embed"
	"io/fs"
	"slices"
	"strings"
)

//go:embed steps/*.md errors/*.md terms/*.md
var files embed.FS

const extension = ".md"

// ForStep returns the text about a step, by its id ("ns.uts").
func ForStep(id string) (Step, bool) {
	data, err := files.ReadFile("steps/" + id + extension)
	if err != nil {
		return Step{}, false
	}
	s, err := parseStep(id, data)
	return s, err == nil // a test parses every file
}

// ForError returns the text about a system call that failed with an errno, as
// in ForError("mount", "EBUSY"). Calls that do the same in other ways share a
// text: execveat has that of exec.
func ForError(call, errno string) (Error, bool) {
	for _, c := range []string{call, family(call)} {
		name := c + "-" + errno
		data, err := files.ReadFile("errors/" + name + extension)
		if err != nil {
			continue
		}
		e, err := parseError(name, data)
		return e, err == nil
	}
	return Error{}, false
}

// ForTerm explains a word. It finds a term by its name or by one of its other
// names, in singular or plural, in upper or lower case, and takes blanks and
// underscores for hyphens.
func ForTerm(word string) (Term, bool) {
	words := spellings(word)
	for _, w := range words {
		data, err := files.ReadFile("terms/" + w + extension)
		if err != nil {
			continue
		}
		t, err := parseTerm(w, data)
		return t, err == nil
	}
	return termAlso(words)
}

// Steps lists the ids of all steps that have a text, sorted.
func Steps() []string { return list("steps") }

// Errors lists all errors that have a text, sorted: "mount-EBUSY".
func Errors() []string { return list("errors") }

// Terms lists the names of all terms, sorted.
func Terms() []string { return list("terms") }

// list names the texts of a folder. They are sorted once more without their
// extension: a hyphen comes before the dot, so pid-1.md comes before pid.md.
func list(folder string) []string {
	entries, err := fs.ReadDir(files, folder)
	if err != nil {
		return nil // the folder is named in go:embed, so it is there
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = strings.TrimSuffix(e.Name(), extension)
	}
	slices.Sort(names)
	return names
}
