package main

import (
	"slices"
	"strings"
)

// asRunFlags are the flags of run that say what is done with a container, not what it
// is. Verbs that take a command line of run and do something else with it accept
// them, so that it can be typed with nothing changed but the verb.
type asRunFlags struct {
	Rm          bool     `name:"rm" hidden:""`
	Name        string   `hidden:""`
	Detach      bool     `short:"d" hidden:""`
	Cidfile     string   `hidden:""`
	DetachKeys  string   `hidden:""`
	SigProxy    bool     `default:"true" negatable:"" hidden:""`
	Explain     string   `hidden:""`
	ExplainFile string   `hidden:""`
	Step        bool     `hidden:""`
	Break       []string `sep:"none" hidden:""`
	BreakAfter  []string `sep:"none" hidden:""`
}

// asRun is the command line of a verb with the verb run, and with --rm.
func asRun(argv []string, verb string, rm bool) string {
	words := append([]string{"learnbox"}, argv[1:]...)
	run := []string{"run", "--rm"}
	if rm {
		run = run[:1]
	}
	if i := slices.Index(words, verb); i >= 0 {
		words = slices.Replace(words, i, i+1, run...)
	}
	for i, w := range words {
		words[i] = shellQuote(w)
	}
	return strings.Join(words, " ")
}
