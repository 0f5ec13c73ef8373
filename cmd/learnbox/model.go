package main

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// newParser builds kong's model of the struct that grammar points to. Help is
// ours alone: kong's flag would take -h away from the verbs, and Docker's run
// means the host name by it.
func newParser(grammar any) (*kong.Kong, error) {
	k, err := kong.New(grammar,
		kong.Name("learnbox"),
		kong.NoDefaultHelp(),
		// "-e -x" gives the flag -e the value "-x", as in Docker.
		kong.WithHyphenPrefixedParameters(true),
		kong.KindMapper(reflect.String, kong.MapperFunc(decodeString)),
		kong.Exit(func(int) {}),
	)
	if err != nil {
		return nil, fmt.Errorf("read the model of the command line: %w", err)
	}
	return k, nil
}

// decodeString takes the next word as it is. Kong's own mapper would make an
// empty value out of a flag at the end of the line.
func decodeString(ctx *kong.DecodeContext, target reflect.Value) error {
	t := ctx.Scan.Pop()
	if t.IsEOL() {
		return errors.New("missing value")
	}
	target.SetString(t.String())
	return nil
}

// A selection is what the arguments ask for.
type selection struct {
	node *kong.Node
	verb verb // nil if node only groups others
}

// parse reads the arguments into c and returns what was selected.
//
// Kong reads the tags of every flag of every verb before it looks at the first
// argument: a millisecond, at every start. So it is first shown the one verb
// that the arguments seem to name, with the flags that they seem to name. If it
// is not content with that, the whole model decides, and words the error.
func parse(c *cli, args []string) (*kong.Kong, selection, error) {
	if k, s, ok := parseNarrow(c, args); ok {
		return k, s, nil
	}
	k, err := newParser(c)
	if err != nil {
		return nil, selection{}, err
	}
	parsed, err := k.Parse(flagsFirst(k.Model, args))
	if err != nil {
		return k, selection{}, err
	}
	s := selection{node: parsed.Selected()}
	s.verb, _ = reflect.TypeAssert[verb](s.node.Target.Addr())
	return k, s, nil
}

func parseNarrow(c *cli, args []string) (*kong.Kong, selection, bool) {
	path := verbPath(args, reflect.TypeFor[cli]())
	if len(path) == 0 {
		return nil, selection{}, false
	}
	last := path[len(path)-1]
	whole := reflect.New(last.Type)
	v, isVerb := reflect.TypeAssert[verb](whole)
	if !isVerb {
		return nil, selection{}, false
	}
	field := last
	field.Type = reflect.StructOf(namedIn(args, last.Type))
	for _, group := range slices.Backward(path[:len(path)-1]) {
		group.Type = reflect.StructOf([]reflect.StructField{field})
		field = group
	}
	narrow := reflect.New(reflect.StructOf(append(namedIn(args, reflect.TypeFor[cli]()), field)))
	k, err := newParser(narrow.Interface())
	if err != nil {
		return nil, selection{}, false
	}
	parsed, err := k.Parse(flagsFirst(k.Model, args))
	if err != nil {
		return nil, selection{}, false
	}
	copyFields(reflect.ValueOf(c).Elem(), narrow.Elem(), field.Name)
	copyFields(whole.Elem(), parsed.Selected().Target, "")
	return k, selection{parsed.Selected(), v}, true
}

// verbPath finds the fields, from a struct downwards, that the first arguments which name
// verbs lead to: one, or two for a verb in a group. There are none if no verb is named.
func verbPath(args []string, t reflect.Type) []reflect.StructField {
	for i, word := range args {
		for f := range t.Fields() {
			_, ok := f.Tag.Lookup("cmd")
			if !ok || word != firstOf(f.Tag.Get("name"), strings.ToLower(f.Name)) {
				continue
			}
			path := []reflect.StructField{f}
			if !reflect.PointerTo(f.Type).Implements(reflect.TypeFor[verb]()) {
				path = append(path, verbPath(args[i+1:], f.Type)...)
			}
			return path
		}
	}
	return nil
}

// namedIn are the fields of a struct that may be meant by the arguments, and
// those that have a value without them. Too many do no harm.
func namedIn(args []string, t reflect.Type) []reflect.StructField {
	var fields []reflect.StructField
	for _, f := range reflect.VisibleFields(t) {
		_, isVerb := f.Tag.Lookup("cmd")
		_, isArgument := f.Tag.Lookup("arg")
		_, hasDefault := f.Tag.Lookup("default")
		if isVerb || f.Anonymous || !f.IsExported() || !isArgument && !hasDefault && !slices.ContainsFunc(args, func(word string) bool { return mayName(word, f) }) {
			continue
		}
		f.Index, f.Offset = nil, 0
		fields = append(fields, f)
	}
	return fields
}

// mayName reports whether an argument may be, or contain, the flag of a field.
func mayName(word string, f reflect.StructField) bool {
	long, isLong := strings.CutPrefix(word, "--")
	if !isLong {
		short := f.Tag.Get("short")
		return short != "" && isFlag(word) && strings.Contains(word, short)
	}
	long, _, _ = strings.Cut(long, "=")
	return long == f.Tag.Get("name") || slices.Contains(strings.Split(f.Tag.Get("aliases"), ","), long) ||
		strings.ReplaceAll(long, "-", "") == strings.ToLower(f.Name)
}

// copyFields sets the fields of to that a narrower struct has, all but one.
func copyFields(to, from reflect.Value, but string) {
	for f, v := range from.Fields() {
		if f.Name != but {
			to.FieldByName(f.Name).Set(v)
		}
	}
}
