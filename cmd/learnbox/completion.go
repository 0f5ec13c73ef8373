package main

import (
	_ "embed"
	"fmt"
	"strings"
	"text/template"

	"github.com/alecthomas/kong"
)

// The scripts are templates over the model of the command line. Two libraries
// do this for kong; both call learnbox itself for every key, are pinned to an old
// kong, and would be initialised in every container's init as well.
var (
	//go:embed completion/bash.tmpl
	bashScript string
	//go:embed completion/zsh.tmpl
	zshScript string
	//go:embed completion/fish.tmpl
	fishScript string
)

// CompletionCmd is "learnbox completion".
type CompletionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" placeholder:"bash|zsh|fish" help:"The shell to complete in."`
}

// Help is printed below the flags.
func (CompletionCmd) Help() string {
	return `Verbs, flags and the names of images in the store are completed.

Examples:
  source <(learnbox completion bash)
  learnbox completion bash | sudo tee /etc/bash_completion.d/learnbox
  learnbox completion zsh > "${fpath[1]}/_learnbox"
  learnbox completion fish > ~/.config/fish/completions/learnbox.fish`
}

// KeepsSignals spares a verb that only prints the cost of a handler.
func (CompletionCmd) KeepsSignals() {}

// Run does the verb.
func (c *CompletionCmd) Run(a *app) error {
	text := bashScript
	switch c.Shell {
	case "zsh":
		text = zshScript
	case "fish":
		text = fishScript
	}
	t, err := template.New(c.Shell).Funcs(template.FuncMap{"quote": quoteSingle, "join": strings.Join}).Parse(text)
	if err != nil {
		return fmt.Errorf("read the template for %s: %w", c.Shell, err)
	}
	k, err := newParser(new(cli))
	if err != nil {
		return err
	}
	if err := t.Execute(a.stdout, completionModel(k.Model)); err != nil {
		return fmt.Errorf("print the script for %s: %w", c.Shell, err)
	}
	return nil
}

// compVerb is what a shell has to know about a verb.
type compVerb struct {
	Name, Help string
	Path       string // the name with that of its group
	Flags      []compFlag
	Verbs      []compVerb // below it
	Words      []string   // that its argument is one of
	Images     bool       // its arguments are images
}

// compFlag is what a shell has to know about a flag.
type compFlag struct {
	Name, Short, Help string
	TakesValue        bool
}

// Words are the spellings of the flag.
func (f compFlag) Words() []string {
	if f.Short == "" {
		return []string{"--" + f.Name}
	}
	return []string{"-" + f.Short, "--" + f.Name}
}

// compModel is the command line for the templates.
type compModel struct {
	Flags []compFlag
	Verbs []compVerb
}

func completionModel(app *kong.Application) compModel {
	return compModel{Flags: compFlags(app.Flags), Verbs: compVerbs(app, app.Children)}
}

func compVerbs(app *kong.Application, nodes []*kong.Node) []compVerb {
	var all []compVerb
	for _, n := range nodes {
		if n.Hidden {
			continue
		}
		v := compVerb{Name: n.Name, Help: n.Help, Path: verbName(n), Flags: compFlags(n.Flags), Verbs: compVerbs(app, n.Children)}
		for _, p := range n.Positional {
			if p.Enum != "" {
				v.Words = append(v.Words, p.EnumSlice()...)
			}
			switch p.Tag.Get("complete") { // a tag of our own
			case "image":
				v.Images = true
			case "verb":
				v.Words = append(v.Words, verbNames(app.Children)...)
			}
		}
		all = append(all, v)
	}
	return all
}

func verbNames(verbs []*kong.Node) []string {
	var names []string
	for _, row := range verbRows(verbs) {
		names = append(names, row[0])
	}
	return names
}

func compFlags(flags []*kong.Flag) []compFlag {
	var all []compFlag
	for _, f := range flags {
		if f.Hidden {
			continue
		}
		c := compFlag{Name: f.Name, Help: f.Help, TakesValue: !f.IsBool() && !f.IsCounter()}
		if f.Short != 0 {
			c.Short = string(f.Short)
		}
		all = append(all, c)
	}
	return all
}

// quoteSingle makes one word out of s for bash, zsh and fish: in all three
// nothing is special between single quotes once the quote itself and, for fish,
// the backslash are out of the way.
func quoteSingle(s string) string {
	return "'" + strings.NewReplacer("'", "", `\`, "").Replace(s) + "'"
}
