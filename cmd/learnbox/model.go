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
	field, ok := verbOf(args)
	whole := reflect.New(field.Type)
	v, isVerb := reflect.TypeAssert[verb](whole)
	if !ok || !isVerb {
		return nil, selection{}, false
	}
	field.Type = reflect.StructOf(namedIn(args, field.Type))
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
	copyFields(whole.Elem(), narrow.Elem().FieldByName(field.Name), "")
	return k, selection{parsed.Selected(), v}, true
}

// verbOf finds the field of cli for the first argument that names a verb.
func verbOf(args []string) (reflect.StructField, bool) {
	for _, word := range args {
		for f := range reflect.TypeFor[cli]().Fields() {
			name := firstOf(f.Tag.Get("name"), strings.ToLower(f.Name))
			if _, ok := f.Tag.Lookup("cmd"); ok && name == word {
				return f, true
			}
		}
	}
	return reflect.StructField{Type: reflect.TypeFor[struct{}]()}, false
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
