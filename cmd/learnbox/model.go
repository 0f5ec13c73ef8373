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

// parse reads the arguments into c and returns what was selected.
//
// Kong parses the tags of every flag of every verb before it looks at the first
// argument: a third of a millisecond for forty flags, at every start. So it is
// first shown the one verb that the arguments seem to name. If it is not content
// with that, the whole model decides, and words the error.
func parse(c *cli, args []string) (*kong.Kong, *kong.Context, error) {
	verbs := verbFields()
	for _, word := range args {
		field, ok := verbs[word]
		if !ok {
			continue
		}
		one := withVerb(field)
		k, err := newParser(one.Interface())
		if err != nil {
			return nil, nil, err
		}
		if parsed, err := k.Parse(flagsFirst(k.Model, args)); err == nil {
			copyFlags(reflect.ValueOf(c).Elem(), one.Elem())
			return k, parsed, nil
		}
		break
	}
	k, err := newParser(c)
	if err != nil {
		return nil, nil, err
	}
	parsed, err := k.Parse(flagsFirst(k.Model, args))
	return k, parsed, err
}

// verbFields are the fields of cli that are verbs, by what the user types.
func verbFields() map[string]reflect.StructField {
	fields := map[string]reflect.StructField{}
	for f := range reflect.TypeFor[cli]().Fields() {
		if isVerb(f) {
			name := f.Tag.Get("name")
			if name == "" {
				name = strings.ToLower(f.Name)
			}
			fields[name] = f
		}
	}
	return fields
}

func isVerb(f reflect.StructField) bool {
	_, ok := f.Tag.Lookup("cmd")
	return ok
}

// withVerb makes a new struct that is cli without all verbs but one.
func withVerb(verb reflect.StructField) reflect.Value {
	fields := slices.DeleteFunc(reflect.VisibleFields(reflect.TypeFor[cli]()), func(f reflect.StructField) bool {
		return isVerb(f) && f.Name != verb.Name
	})
	return reflect.New(reflect.StructOf(fields))
}

// copyFlags sets the global flags of a cli to those of a struct that withVerb made.
func copyFlags(to, from reflect.Value) {
	for f, v := range from.Fields() {
		if !isVerb(f) {
			to.FieldByName(f.Name).Set(v)
		}
	}
}
