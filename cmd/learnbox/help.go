package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// helpFlag is --help. It stops the parser before missing arguments are noticed.
type helpFlag bool

// BeforeReset is called by kong once the flag was seen.
func (helpFlag) BeforeReset(ctx *kong.Context) error { return helpWanted{ctx.Selected()} }

// helpWanted is not a fault but the way out of kong's parser.
type helpWanted struct{ node *kong.Node } // nil: the overview

func (helpWanted) Error() string { return "help is wanted" }

func wantsHelp(err error) (*kong.Node, bool) {
	var h helpWanted
	ok := errors.As(err, &h)
	return h.node, ok
}

// HelpCmd is "learnbox help".
type HelpCmd struct {
	Verb []string `arg:"" optional:"" complete:"verb" help:"The verb to explain."`
}

// Help is printed below the flags.
func (HelpCmd) Help() string {
	return `Examples:
  learnbox help
  learnbox help pull`
}

// KeepsSignals spares a verb that only prints the cost of a handler.
func (HelpCmd) KeepsSignals() {}

// Run does the verb.
func (c *HelpCmd) Run(a *app) error {
	k, err := newParser(new(cli))
	if err != nil {
		return err
	}
	node := k.Model.Node
	for _, word := range c.Verb {
		child := childNamed(node, word)
		if child == nil {
			return exitError{exitUsage, hintedError{fmt.Errorf("unknown verb %q", word), "learnbox --help lists the verbs"}}
		}
		node = child
	}
	return writeHelp(a.stdout, k.Model, node)
}

func childNamed(n *kong.Node, name string) *kong.Node {
	for _, c := range n.Children {
		if c.Name == name || slices.Contains(c.Aliases, name) {
			return c
		}
	}
	return nil
}

// writeHelp explains one verb, or gives the overview.
func writeHelp(w io.Writer, app *kong.Application, n *kong.Node) error {
	if n == nil || n.Type == kong.ApplicationNode {
		return writeOverview(w, app)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Usage: %s\n\n%s.\n", usageLine(n), n.Help)
	if len(n.Children) > 0 {
		b.WriteString("\nVerbs:\n")
		writeColumns(&b, verbRows(n.Children))
	}
	if rows := flagRows(n.Flags); len(rows) > 0 {
		b.WriteString("\nFlags:\n")
		writeColumns(&b, rows)
	}
	if n.Detail != "" {
		fmt.Fprintf(&b, "\n%s\n", strings.TrimSpace(n.Detail))
	}
	b.WriteString("\nFlags of every verb:\n")
	writeColumns(&b, flagRows(app.Flags))
	_, err := io.WriteString(w, b.String())
	return err
}

// writeOverview lists the verbs by what they are about.
func writeOverview(w io.Writer, app *kong.Application) error {
	var b strings.Builder
	b.WriteString("Usage: learnbox [flags] VERB [flags] [arguments]\n\nA container runtime that explains itself.\n")
	width := 0
	for _, v := range app.Children {
		width = max(width, len(v.Name))
	}
	for _, g := range [][2]string{{"containers", "Containers"}, {"images", "Images"}, {"explain", "Explanations and lessons"}, {"machine", "The machine"}} {
		heading := "\n" + g[1] + ":\n"
		for _, v := range app.Children {
			if v.Hidden || v.Group == nil || v.Group.Key != g[0] {
				continue
			}
			fmt.Fprintf(&b, "%s  %-*s   %s\n", heading, width, v.Name, v.Help)
			heading = ""
		}
	}
	b.WriteString("\nFlags:\n")
	writeColumns(&b, flagRows(app.Flags))
	b.WriteString("\nlearnbox VERB --help explains a verb, with examples.\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// usageLine is "learnbox pull [flags] NAME...".
func usageLine(n *kong.Node) string {
	words := []string{"learnbox", verbName(n)}
	if len(n.Flags) > 0 {
		words = append(words, "[flags]")
	}
	if len(n.Children) > 0 {
		words = append(words, "VERB")
	}
	for _, p := range n.Positional {
		arg := argumentName(p)
		if p.IsCumulative() && !strings.Contains(arg, "...") {
			arg += "..."
		}
		if !p.Required {
			arg = "[" + arg + "]"
		}
		words = append(words, arg)
	}
	return strings.Join(words, " ")
}

// argumentName is the word that stands for an argument in help and errors.
func argumentName(p *kong.Positional) string {
	if p.Tag.PlaceHolder != "" {
		return p.Tag.PlaceHolder
	}
	return strings.ToUpper(p.Name)
}

func verbRows(verbs []*kong.Node) [][2]string {
	var rows [][2]string
	for _, v := range verbs {
		if !v.Hidden {
			rows = append(rows, [2]string{v.Name, v.Help})
		}
	}
	return rows
}

func flagRows(flags []*kong.Flag) [][2]string {
	var rows [][2]string
	for _, f := range flags {
		if f.Hidden {
			continue
		}
		left := "    --" + f.Name
		if f.Short != 0 {
			left = "-" + string(f.Short) + ", --" + f.Name
		}
		if !f.IsBool() && !f.IsCounter() {
			left += " " + firstOf(f.PlaceHolder, strings.ToUpper(f.Name))
		}
		rows = append(rows, [2]string{left, f.Help})
	}
	return rows
}

// writeColumns aligns the right column; a long left side gets a line of its own.
func writeColumns(b *strings.Builder, rows [][2]string) {
	const widest = 34
	width := 0
	for _, r := range rows {
		if len(r[0]) <= widest {
			width = max(width, len(r[0]))
		}
	}
	for _, r := range rows {
		if len(r[0]) > widest {
			fmt.Fprintf(b, "  %s\n  %-*s   %s\n", r[0], width, "", r[1])
			continue
		}
		fmt.Fprintf(b, "  %-*s   %s\n", width, r[0], r[1])
	}
}
