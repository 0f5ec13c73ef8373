package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"text/template"
	"unicode"
	"unicode/utf8"
)

// A row is one line of a listing: the fields that --format may name.
type row map[string]string

// Label is a label's value, for {{.Label "name"}}. It is read from the field with all
// of them, in which a word without "=" belongs to the value before it.
func (r row) Label(name string) string {
	if r["Labels"] == "LABELS" { // the heading
		return name
	}
	value, found := "", false
	for word := range strings.SplitSeq(r["Labels"], ",") {
		key, v, begins := strings.Cut(word, "=")
		switch {
		case !begins && found:
			value += "," + word
		case found:
			return value
		case begins && key == name:
			value, found = v, true
		}
	}
	return value
}

// A listing prints rows the way Docker's lists do.
type listing struct {
	headings row      // the heading of every field
	columns  []string // the fields of the default table
}

// write prints rows in format: empty or "table" for the default columns, "table
// TEMPLATE" for others, "json" for one object a line, else a Go template a line.
func (l listing) write(w io.Writer, format string, rows []row) (err error) {
	switch format {
	case "json":
		return writeJSONLines(w, rows)
	case "", "table":
		format = "table {{." + strings.Join(l.columns, "}}\t{{.") + "}}"
	}
	columns, table := strings.CutPrefix(format, "table ")
	t, err := parseTemplate(columns)
	if err != nil {
		return err
	}
	var heading strings.Builder
	if err := l.execute(t, &heading, l.headings); err != nil {
		return err
	}
	buffered := bufio.NewWriter(w) // a tabwriter writes cell by cell
	defer func() { err = errors.Join(err, buffered.Flush()) }()
	w = buffered
	if table {
		tab := tabwriter.NewWriter(w, 10, 1, 3, ' ', 0)
		fmt.Fprintln(tab, heading.String())
		if err := l.lines(t, tab, rows); err != nil {
			return err
		}
		return tab.Flush()
	}
	return l.lines(t, w, rows)
}

func (l listing) lines(t *template.Template, w io.Writer, rows []row) error {
	for _, r := range rows {
		if err := l.execute(t, w, r); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	return nil
}

// execute fills in one row, and explains a field that does not exist.
func (l listing) execute(t *template.Template, w io.Writer, r row) error {
	err := t.Execute(w, r)
	if err == nil {
		return nil
	}
	return exitError{exitUsage, hintedError{
		err:  fmt.Errorf("format: %w", plainTemplate(err)),
		hint: "the fields are " + strings.Join(slices.Sorted(maps.Keys(l.headings)), " "),
	}}
}

func writeJSONLines(w io.Writer, rows []row) error {
	e := json.NewEncoder(w)
	for _, r := range rows {
		if err := e.Encode(r); err != nil {
			return fmt.Errorf("print JSON: %w", err)
		}
	}
	return nil
}

// parseTemplate reads a Go template with Docker's functions. "\t" and "\n" typed
// in single quotes in a shell are two characters; they mean what they say.
func parseTemplate(text string) (*template.Template, error) {
	text = strings.NewReplacer(`\t`, "\t", `\n`, "\n").Replace(text)
	t, err := template.New("").Funcs(templateFuncs()).Option("missingkey=error").Parse(text)
	if err != nil {
		return nil, exitError{exitUsage, fmt.Errorf("format: %w", plainTemplate(err))}
	}
	return t, nil
}

// plainTemplate takes the name of the template, which we did not give it, out of an error.
func plainTemplate(err error) error {
	return fmt.Errorf("%s", strings.TrimPrefix(strings.TrimPrefix(err.Error(), "template: "), ":"))
}

// templateFuncs are the functions that Docker adds to those of text/template.
func templateFuncs() template.FuncMap {
	return template.FuncMap{
		"json":     toJSON,
		"split":    strings.Split,
		"join":     strings.Join,
		"title":    title,
		"lower":    strings.ToLower,
		"upper":    strings.ToUpper,
		"pad":      func(s string, before, after int) string { return spaces(before) + s + spaces(after) },
		"truncate": func(s string, n int) string { return string([]rune(s)[:max(0, min(n, utf8.RuneCountInString(s)))]) },
	}
}

// toJSON prints v on one line and leaves <, > and & as they are.
func toJSON(v any) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

func title(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToTitle(r)) + s[n:]
}

func spaces(n int) string { return strings.Repeat(" ", max(0, n)) }
