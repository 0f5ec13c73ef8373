package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/learnbox/learnbox/explain/texts"
	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/sandbox"
)

// ExplainCmd is "learnbox explain".
type ExplainCmd struct {
	Words []string `arg:"" name:"what" placeholder:"STEP|CALL ERRNO|WORD" help:"The id of a step, a failed system call with its errno, or a word."`
}

// Help is printed below the flags.
func (ExplainCmd) Help() string {
	return `Explains a step of a run, an error that one can end in, or a word that the
explanations use. "learnbox steps" lists the steps.

Examples:
  learnbox explain rootfs.pivot
  learnbox explain mount EBUSY
  learnbox explain exec ENOENT
  learnbox explain namespace`
}

// KeepsSignals spares a verb that only prints the cost of a handler.
func (ExplainCmd) KeepsSignals() {}

// Run does the verb.
func (c *ExplainCmd) Run(a *app) error {
	phrase := strings.Join(c.Words, " ")
	p := &page{bold: a.colorOut()}
	switch about := lookUp(phrase).(type) {
	case texts.Step:
		p.step(about)
	case texts.Error:
		p.failure(about)
	case texts.Term:
		p.term(about)
	default:
		return unexplained(phrase)
	}
	_, err := a.stdout.Write([]byte(p.String()))
	return err
}

// lookUp finds the text about a phrase, or nil.
func lookUp(phrase string) any {
	if s, ok := texts.ForStep(phrase); ok {
		return s
	}
	words := strings.FieldsFunc(phrase, func(r rune) bool { return strings.ContainsRune(" :-/()", r) })
	if len(words) > 1 {
		if e, ok := texts.ForError(strings.ToLower(words[0]), strings.ToUpper(words[len(words)-1])); ok {
			return e
		}
	}
	if t, ok := texts.ForTerm(phrase); ok {
		return t
	}
	return nil
}

// unexplained says what may have been meant.
func unexplained(phrase string) error {
	hint := "learnbox steps lists the steps; an error reads like: mount EBUSY"
	errnos := texts.Errors()
	if near := nearest(phrase, slices.Concat(texts.Steps(), errnos, texts.Terms())); near != "" {
		if slices.Contains(errnos, near) {
			near = strings.ReplaceAll(near, "-", " ")
		}
		hint = "did you mean " + near + "? " + hint
	}
	return exitError{exitUsage, hintedError{fmt.Errorf("there is no text about %q", narrate.Plain(phrase)), hint}}
}

// A page is an explanation on its way to the terminal.
type page struct {
	strings.Builder
	bold bool
}

func (p *page) title(s string) {
	if p.bold {
		s = "\x1b[1m" + s + "\x1b[0m"
	}
	fmt.Fprintf(p, "%s\n", s)
}

// section is a heading and its paragraphs; what is empty has no heading.
func (p *page) section(heading, text string) {
	if text == "" {
		return
	}
	fmt.Fprintln(p)
	p.title(heading)
	p.text(text)
}

// text keeps indented lines, which are commands, and wraps the rest.
func (p *page) text(text string) {
	for i, paragraph := range strings.Split(text, "\n\n") {
		if i > 0 {
			fmt.Fprintln(p)
		}
		if strings.HasPrefix(paragraph, "    ") {
			fmt.Fprintln(p, paragraph)
			continue
		}
		for _, l := range narrate.Wrap(paragraph, 78) {
			fmt.Fprintf(p, "  %s\n", l)
		}
	}
}

func (p *page) step(about texts.Step) {
	for _, s := range append(allSteps(), sandbox.EnterSteps()...) {
		if s.ID == about.ID {
			p.title(s.ID + ": " + s.Title)
			p.section("Why it stands here", s.Why)
		}
	}
	p.section("What the kernel offers", about.Kernel)
	p.section("Without it", about.Without)
	p.section("To look for yourself", "    "+about.Look.Command+"\n\n"+legend(about)+"\n\n"+about.Look.Says)
	p.section("By hand", byHandText(about.ID))
	p.section("In Docker and runc", about.Docker)
	p.section("Manual pages", strings.Join(about.Man, ", "))
	p.section("Lesson", about.Lesson)
}

// legend says what the variables of a step's command stand for.
func legend(about texts.Step) string {
	if strings.HasPrefix(about.ID, "exec.") {
		return "$PID is the process that exec starts, as the machine counts."
	}
	var all []string
	for _, name := range about.Look.Variables() {
		if says := "$" + name + " is " + texts.Meaning(name) + "."; !slices.Contains(all, says) {
			all = append(all, says)
		}
	}
	return strings.Join(append(all, "learnbox look puts the values in."), " ")
}

func (p *page) failure(about texts.Error) {
	p.title(about.Call + " " + about.Errno)
	p.section("What the kernel says", about.Kernel)
	p.section("Where learnbox meets it", strings.TrimSpace(strings.Join(about.Steps, ", ")+"\n\n"+about.Where))
	p.section("What to do", about.Do)
	p.section("Manual pages", strings.Join(about.Man, ", "))
}

func (p *page) term(about texts.Term) {
	p.title(strings.Join(append([]string{about.Name}, about.Also...), ", "))
	p.text(about.Text)
	p.section("See", strings.Join(about.See, ", "))
}
