package main

import (
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// flagsFirst lets flags stand between arguments, as in "rmi alpine -f busybox".
// Docker's parser collects them; kong's ends a list of arguments at the first
// flag. So they move before the arguments, except behind "--" and in verbs
// whose arguments are somebody else's command line.
func flagsFirst(app *kong.Application, args []string) []string {
	flags, node := slices.Clone(app.Flags), app.Node
	for i := 0; i < len(args); i++ {
		if isFlag(args[i]) {
			if takesNext(flags, args[i]) {
				i++
			}
			continue
		}
		if node = childNamed(node, args[i]); node == nil {
			return args
		}
		flags = append(flags, node.Flags...)
		switch {
		case len(node.Children) > 0:
			continue
		case slices.ContainsFunc(node.Positional, func(p *kong.Positional) bool { return p.Passthrough }):
			return dropDashes(flags, args, i+1)
		}
		return append(slices.Clone(args[:i+1]), sortFlags(flags, args[i+1:])...)
	}
	return args
}

// sortFlags puts the flags among args, with their values, before the rest.
func sortFlags(flags []*kong.Flag, args []string) []string {
	var first, rest []string
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "--":
			return append(append(first, rest...), args[i:]...)
		case !isFlag(args[i]):
			rest = append(rest, args[i])
		default:
			if takesNext(flags, args[i]) {
				if i+1 == len(args) {
					return args // its value is missing, and must not be an argument
				}
				first = append(first, args[i])
				i++
			}
			first = append(first, args[i])
		}
	}
	return append(first, rest...)
}

// dropDashes takes away a "--" that ends the flags of a verb whose arguments are
// a command line: kong would take it for the first of them.
func dropDashes(flags []*kong.Flag, args []string, from int) []string {
	for i := from; i < len(args); i++ {
		switch {
		case args[i] == "--":
			return slices.Delete(slices.Clone(args), i, i+1)
		case !isFlag(args[i]):
			return args
		case takesNext(flags, args[i]):
			i++
		}
	}
	return args
}

// isFlag reports whether a word is a flag; a lone "-" is an argument.
func isFlag(word string) bool { return len(word) > 1 && word[0] == '-' }

// takesNext reports whether the value of the flag, or of the last one in a
// group like -aq, is the next word.
func takesNext(flags []*kong.Flag, word string) bool {
	if name, ok := strings.CutPrefix(word, "--"); ok {
		return slices.ContainsFunc(flags, func(f *kong.Flag) bool {
			return hasValue(f) && (f.Name == name || slices.Contains(f.Aliases, name))
		})
	}
	for i, letter := range word[1:] {
		if slices.ContainsFunc(flags, func(f *kong.Flag) bool { return f.Short == letter && hasValue(f) }) {
			return i == len(word)-2 // otherwise the value follows at once
		}
	}
	return false
}

func hasValue(f *kong.Flag) bool { return !f.IsBool() && !f.IsCounter() }
