package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/template"

	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/pull/store"
)

// InspectCmd is "learnbox inspect".
type InspectCmd struct {
	Format string   `short:"f" placeholder:"FORMAT" help:"json, or a Go template."`
	Size   bool     `short:"s" help:"Measure what a container has written, and all it sees."`
	Type   string   `placeholder:"TYPE" help:"Look only for objects of this type: container, image, volume."`
	Names  []string `arg:"" name:"name" complete:"image" placeholder:"NAME|ID" help:"What to look at."`
}

// Help is printed below the flags.
func (InspectCmd) Help() string {
	return `A container comes before an image of the same name, and that before a volume.

Examples:
  learnbox inspect web
  learnbox inspect web | grep -i pid
  learnbox inspect -f '{{.State.Status}} {{json .Learnbox.Namespaces}}' web
  learnbox inspect -f '{{.Config.Cmd}}' alpine
  learnbox inspect -f '{{json .RootFS.Layers}}' alpine busybox
  learnbox inspect -f '{{join .Config.Env "\n"}}' alpine`
}

// Run does the verb. What is unknown is complained about after the rest was shown.
func (c *InspectCmd) Run(a *app) error {
	if c.Type != "" && c.Type != "image" && c.Type != "container" && c.Type != "volume" {
		return usageError("type %q: learnbox can inspect a container, an image or a volume", c.Type)
	}
	show, err := c.printer()
	if err != nil {
		return err
	}
	var objects []any
	var failed []error
	for _, name := range c.Names {
		object, err := c.inspect(a, name)
		if err != nil {
			if c.Type != "volume" { // its errors are named as Docker's are
				err = named(name, err)
			}
			failed = append(failed, err)
			continue
		}
		objects = append(objects, object)
	}
	return errors.Join(append([]error{show(a.stdout, objects)}, failed...)...)
}

// named puts the word that was asked for before an error that does not begin with it.
func named(word string, err error) error {
	if strings.HasPrefix(err.Error(), word) {
		return err
	}
	return fmt.Errorf("%s: %w", word, err)
}

// inspect looks for a container, for an image and then for a volume, unless the type is said.
func (c *InspectCmd) inspect(a *app, name string) (any, error) {
	if c.Type == "volume" {
		return a.inspectVolume(name)
	}
	var near string
	if c.Type != "image" {
		object, err := a.inspectContainer(name, c.Size)
		if c.Type == "container" || !errors.Is(err, lifecycle.ErrNotFound) {
			return object, err
		}
		if unknown, ok := errors.AsType[*lifecycle.UnknownError](err); ok {
			near = nearest(name, unknown.Names)
		}
	}
	object, err := a.inspectImage(name)
	if err != nil && c.Type == "" {
		if v, volumeErr := a.inspectVolume(name); volumeErr == nil {
			return v, nil
		}
		if errors.Is(err, errNoObject) && near != "" {
			err = hintedError{err, "did you mean " + near + "?"}
		}
	}
	return object, err
}

var errNoObject = errors.New("no such object")

// inspectImage is what inspect shows about one image.
func (a *app) inspectImage(name string) (any, error) {
	img, err := a.findImage(a.ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, errNoObject
	}
	if err != nil {
		return nil, err
	}
	size, err := a.imageSize(a.ctx, img)
	if err != nil {
		return nil, err
	}
	return describeImage(img, size, a.rootfsDir())
}

// printer reads --format once, before anything is looked up.
func (c *InspectCmd) printer() (func(io.Writer, []any) error, error) {
	switch c.Format {
	case "":
		return writeIndented, nil
	case "json":
		return func(w io.Writer, objects []any) error {
			if objects == nil {
				objects = []any{}
			}
			text, err := toJSON(objects)
			if err != nil {
				return fmt.Errorf("print JSON: %w", err)
			}
			_, err = fmt.Fprintln(w, text)
			return err
		}, nil
	}
	t, err := parseTemplate(c.Format)
	if err != nil {
		return nil, err
	}
	return func(w io.Writer, objects []any) error {
		for _, o := range objects {
			if err := executeTemplate(w, t, o); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// writeIndented prints an array, as Docker does even for one object.
func writeIndented(w io.Writer, objects []any) error {
	if objects == nil {
		objects = []any{}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "    ")
	if err := e.Encode(objects); err != nil {
		return fmt.Errorf("print JSON: %w", err)
	}
	return nil
}

// printTemplate parses text and fills it in.
func printTemplate(w io.Writer, text string, object any) error {
	t, err := parseTemplate(text)
	if err != nil {
		return err
	}
	return executeTemplate(w, t, object)
}

// executeTemplate fills in t and ends the line. What is no field in Go may
// be a key in the JSON, where the image's own objects stand as they are, so the
// second try is made with that, as in Docker.
func executeTemplate(w io.Writer, t *template.Template, object any) error {
	var out bytes.Buffer
	err := t.Execute(&out, object)
	if err != nil {
		var asJSON any
		raw, jsonErr := json.Marshal(object)
		if jsonErr != nil {
			return fmt.Errorf("format: %w", jsonErr)
		}
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		if jsonErr := d.Decode(&asJSON); jsonErr != nil {
			return fmt.Errorf("format: %w", jsonErr)
		}
		out.Reset()
		err = t.Execute(&out, asJSON)
	}
	if err != nil {
		return hintedError{
			err:  fmt.Errorf("format: %w", plainTemplate(err)),
			hint: "leave --format out to see all the fields",
		}
	}
	line := out.String()
	if !strings.HasSuffix(line, "\n") {
		line += "\n"
	}
	_, err = io.WriteString(w, line)
	return err
}
