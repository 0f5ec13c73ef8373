package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/learnbox/learnbox/explain/texts"
	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/sandbox"
)

// Exit codes that learnbox itself chooses; docs and tests rely on them.
const (
	exitFailed = 1
	exitUsage  = 2
)

// An exitError ends learnbox with a code of its own. Without err nothing is
// printed: the code itself is the message, as in "the program returned 3".
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e exitError) Unwrap() error { return e.err }

// A hintedError is an error with the way out.
type hintedError struct {
	err  error
	hint string
}

func (e hintedError) Error() string { return e.err.Error() }
func (e hintedError) Unwrap() error { return e.err }
func (e hintedError) Hint() string  { return e.hint }

// usageError is an error in the words of the command line, found by a verb
// after kong was content.
func usageError(format string, args ...any) error {
	return exitError{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// A report writes errors to stderr.
type report struct{ stderr io.Writer }

// fail prints err, if any, and returns the exit code. An error made by
// errors.Join is several complaints, each with a line of its own.
func (r *report) fail(verb string, err error) int {
	if err == nil {
		return 0
	}
	code := exitFailed
	if exit, ok := errors.AsType[exitError](err); ok {
		code = exit.code
		if exit.err == nil {
			return code
		}
	}
	var hints []string
	for _, e := range complaints(err) {
		r.line(verb, e)
		if h := hintOf(e); h != "" && !slices.Contains(hints, h) {
			hints = append(hints, h)
		}
	}
	for _, h := range hints {
		fmt.Fprintf(r.stderr, "hint: %s\n", narrate.Plain(h))
	}
	return code
}

// hintOf is the way out that an error knows, or what explains a step that failed and knows none.
func hintOf(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) && h.Hint() != "" {
		return h.Hint()
	}
	if step, ok := errors.AsType[*sandbox.StepError](err); ok {
		return texts.About(step.Text)
	}
	return ""
}

// line prints one error. "learnbox: VERB:" is said here and nowhere else.
func (r *report) line(verb string, err error) {
	if verb == "" {
		fmt.Fprintf(r.stderr, "learnbox: %s\n", narrate.Plain(err.Error()))
		return
	}
	// "pull: pull docker.io/…": a package says what it was doing, which the verb said already.
	fmt.Fprintf(r.stderr, "learnbox: %s: %s\n", verb, strings.TrimPrefix(narrate.Plain(err.Error()), verb+" "))
}

// complaints takes joined errors apart.
func complaints(err error) []error {
	var exit exitError
	if e, ok := err.(exitError); ok { //nolint:errorlint // only the outermost one is opened
		exit = e
		return complaints(exit.err)
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, complaints(e)...)
	}
	return all
}

// usage reports an error of the command line and returns its exit code.
func (r *report) usage(app *kong.Application, err error) int {
	var parse *kong.ParseError
	if !errors.As(err, &parse) {
		return r.fail("", exitError{exitUsage, err})
	}
	node := parse.Context.Selected()
	if node == nil {
		return r.fail("", exitError{exitUsage, noVerb(app, parse)})
	}
	what, hint := err.Error(), "see learnbox "+verbName(node)+" --help"
	// Context.Error is what went wrong while kong read the words; without it
	// they are all right, but not enough.
	if missing := missingArgument(node); missing != "" && parse.Context.Error == nil {
		what, hint = missing, "usage: "+usageLine(node)
	} else if before, meant, ok := strings.Cut(what, ", did you mean "); ok {
		what, hint = before, "did you mean "+strings.ReplaceAll(meant, `"`, "")
	}
	what, _, _ = strings.Cut(what, ", expecting ")
	return r.fail(verbName(node), exitError{exitUsage, hintedError{errors.New(what), hint}})
}

// missingArgument says which argument of a verb was not given, or nothing.
func missingArgument(n *kong.Node) string {
	for _, p := range n.Positional {
		if p.Required && !p.Set {
			name, _, _ := strings.Cut(argumentName(p), " ") // "IMAGE [COMMAND]"
			return name + " is missing"
		}
	}
	return ""
}

// noVerb explains arguments in which kong found no verb: a wrong one, or a
// wrong flag before it.
func noVerb(app *kong.Application, parse *kong.ParseError) error {
	rest := parse.Context.Path[len(parse.Context.Path)-1].Remainder()
	if len(rest) == 0 || strings.HasPrefix(rest[0], "-") {
		what, _, _ := strings.Cut(parse.Error(), ", did you mean ")
		if strings.HasPrefix(what, "expected one of") {
			what = "no verb is given"
		}
		return hintedError{errors.New(what), "see learnbox --help"}
	}
	hint := "learnbox --help lists the verbs"
	if near := nearest(rest[0], visible(app.Children)); near != "" {
		hint = "did you mean " + near + "?"
	}
	return hintedError{fmt.Errorf("unknown verb %q", rest[0]), hint}
}

// nearest returns the name that word was most likely meant to be: one that
// begins with it, or the one with the fewest typing errors, at most two and fewer than half of its letters.
func nearest(word string, names []string) string {
	best, least := "", 3
	for _, name := range names {
		d := typingErrors(word, name)
		if len(word) > 1 && strings.HasPrefix(name, word) {
			d = 0
		}
		if d < least && 2*d < min(len(name), len(word)) {
			best, least = name, d
		}
	}
	return best
}

func visible(verbs []*kong.Node) []string {
	var names []string
	for _, v := range verbs {
		if !v.Hidden {
			names = append(names, v.Name)
		}
	}
	return names
}

// typingErrors counts letters that are missing, superfluous, wrong or swapped
// with their neighbour: the optimal string alignment distance.
func typingErrors(a, b string) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			wrong := 1
			if a[i-1] == b[j-1] {
				wrong = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+wrong)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}
