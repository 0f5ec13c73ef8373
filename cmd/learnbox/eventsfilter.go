package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/learnbox/learnbox/lifecycle"
)

// eventFilters are what --filter asks for, by key. Values of one key are alternatives,
// but for labels, of which all must be there; each key that is there must be content.
type eventFilters map[string][]string

func eventKeys() []string { return []string{"type", "event", "container", "image", "label"} }

func parseEventFilters(words []string) (eventFilters, error) {
	f := eventFilters{}
	for _, w := range words {
		key, value, ok := strings.Cut(w, "=")
		switch key = strings.ToLower(strings.TrimSpace(key)); {
		case !ok:
			return nil, usageError("filter %q: want KEY=VALUE", w)
		case !slices.Contains(eventKeys(), key):
			return nil, exitError{exitUsage, hintedError{fmt.Errorf("unknown filter %q", key), "the filters are " + strings.Join(eventKeys(), " ")}}
		}
		f[key] = append(f[key], value)
	}
	return f, nil
}

func (f eventFilters) fits(e lifecycle.Event) bool {
	labels := psFilters{labels: f["label"]}
	return f.any("type", func(v string) bool { return v == e.Type }) &&
		f.any("event", func(v string) bool { return namesAction(v, e.Action) }) &&
		f.any("container", func(v string) bool { return e.Type == "container" && isActor(v, e) }) &&
		f.any("image", func(v string) bool { return isOfImage(v, e) }) &&
		labels.labelled(e.Actor.Attributes)
}

func (f eventFilters) any(key string, fits func(value string) bool) bool {
	return len(f[key]) == 0 || slices.ContainsFunc(f[key], fits)
}

// namesAction: some actions say more behind a colon, "exec_start: ls -l".
func namesAction(word, action string) bool {
	kind, _, _ := strings.Cut(action, ":")
	return word == action || word == kind
}

// isActor reports whether a word means the one to whom it happened, by its name or the
// beginning of its ID, with or without the algorithm of a digest.
func isActor(word string, e lifecycle.Event) bool {
	id := e.Actor.ID
	return word == e.Actor.Attributes["name"] || strings.HasPrefix(id, word) || strings.HasPrefix(strings.TrimPrefix(id, "sha256:"), word)
}

// isOfImage reports whether an event is of an image, or of a container that was made of
// it; the tag may be left out.
func isOfImage(word string, e lifecycle.Event) bool {
	image := e.Actor.Attributes["image"]
	if e.Type == "image" {
		if isActor(word, e) {
			return true
		}
		image = e.Actor.Attributes["name"]
	}
	slash := strings.LastIndex(image, "/") + 1 // a colon before it is that of a port
	name, _, _ := strings.Cut(image[slash:], ":")
	return image != "" && (word == image || word == image[:slash]+name)
}
