package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/learnbox/learnbox/lifecycle"
)

// psFilters are what --filter asks for, by key. Values of one key are
// alternatives, but for labels, of which a container must have all; each key
// that is there must be content. That is Docker's rule.
type psFilters struct {
	patterns map[string][]*regexp.Regexp // of names and IDs
	statuses []string
	healths  []string
	exited   []int
	labels   []string
	volumes  []string  // names, and paths on either side
	images   []string  // IDs, and words as they were typed
	before   time.Time // zero: any
	since    time.Time // zero: any
	ages     map[string][]string

	mounts func(lifecycle.Container) []mountPoint
}

// dockerStatuses are all that Docker knows; some never occur here.
func dockerStatuses() []string {
	return []string{"created", "restarting", "running", "removing", "paused", "exited", "dead"}
}

func healths() []string { return []string{"starting", "healthy", "unhealthy", "none"} }

// parsePsFilters reads KEY=VALUE words. What names another container or an image is
// looked up later.
func parsePsFilters(words []string) (psFilters, error) {
	f := psFilters{patterns: map[string][]*regexp.Regexp{}, ages: map[string][]string{}}
	for _, w := range words {
		key, value, ok := strings.Cut(w, "=")
		if !ok {
			return f, usageError("filter %q: want KEY=VALUE", w)
		}
		if err := f.add(strings.ToLower(strings.TrimSpace(key)), value); err != nil {
			return f, err
		}
	}
	return f, nil
}

func (f *psFilters) add(key, value string) error {
	switch key {
	case "name", "id":
		pattern, err := regexp.Compile(value)
		if err != nil {
			return usageError("filter %s=%s: %w", key, value, err)
		}
		f.patterns[key] = append(f.patterns[key], pattern)
	case "status":
		if !slices.Contains(dockerStatuses(), value) {
			return exitError{exitUsage, hintedError{fmt.Errorf("filter status=%s: there is no such status", value), "they are " + strings.Join(dockerStatuses(), " ")}}
		}
		f.statuses = append(f.statuses, value)
	case "health":
		if !slices.Contains(healths(), value) {
			return exitError{exitUsage, hintedError{fmt.Errorf("filter health=%s: there is no such health", value), "they are " + strings.Join(healths(), " ")}}
		}
		f.healths = append(f.healths, value)
	case "exited":
		code, err := strconv.Atoi(value)
		if err != nil {
			return usageError("filter exited=%s: want an exit code", value)
		}
		f.exited = append(f.exited, code)
	case "label":
		f.labels = append(f.labels, value)
	case "volume":
		f.volumes = append(f.volumes, value)
	case "ancestor":
		f.images = append(f.images, value)
	case "before", "since":
		f.ages[key] = append(f.ages[key], value)
	default:
		return exitError{exitUsage, hintedError{
			fmt.Errorf("unknown filter %q", key), "the filters are name id status health ancestor label volume exited before since",
		}}
	}
	return nil
}

// resolve looks up the containers and images that filters name.
func (f *psFilters) resolve(a *app, all *lifecycle.Containers) error {
	for key, words := range f.ages {
		for _, word := range words {
			ct, err := all.Find(word)
			if err != nil {
				return fmt.Errorf("filter %s: %w", key, err)
			}
			if key == "before" && ct.Created.After(f.before) {
				f.before = ct.Created
			}
			if key == "since" && (f.since.IsZero() || ct.Created.Before(f.since)) {
				f.since = ct.Created
			}
		}
	}
	f.mounts = func(ct lifecycle.Container) []mountPoint { return a.mountsOf(all, ct) }
	for _, word := range f.images {
		if img, err := a.findImage(a.ctx, word); err == nil {
			f.images = append(f.images, img.ID.String())
		} else if errors.Is(err, a.ctx.Err()) && a.ctx.Err() != nil {
			return err
		}
	}
	return nil
}

// all reports whether the filters ask for containers that do not run, too.
func (f *psFilters) all() bool { return len(f.statuses) > 0 }

// fits reports whether a container is wanted.
func (f *psFilters) fits(ct lifecycle.Container) bool {
	s := ct.State
	return f.matches("id", ct.ID) && f.matches("name", ct.Name, "/"+ct.Name) &&
		(len(f.statuses) == 0 || slices.Contains(f.statuses, string(s.Status))) &&
		(len(f.healths) == 0 || slices.Contains(f.healths, string(s.Health.Of()))) &&
		(len(f.exited) == 0 || s.Status == lifecycle.Exited && slices.Contains(f.exited, s.ExitCode)) &&
		(len(f.images) == 0 || slices.Contains(f.images, ct.ImageID) || slices.Contains(f.images, ct.Image)) &&
		(f.before.IsZero() || ct.Created.Before(f.before)) &&
		(f.since.IsZero() || ct.Created.After(f.since)) &&
		f.labelled(ct.Labels) && (len(f.volumes) == 0 || f.mounted(f.mounts(ct)))
}

// mounted reports whether one of the mounts is at, of or called what is asked for.
func (f *psFilters) mounted(mounts []mountPoint) bool {
	return slices.ContainsFunc(mounts, func(m mountPoint) bool {
		return slices.Contains(f.volumes, m.Destination) || slices.Contains(f.volumes, firstOf(m.Name, m.Source))
	})
}

// matches reports whether one of the patterns fits one of the words.
func (f *psFilters) matches(key string, words ...string) bool {
	patterns := f.patterns[key]
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool {
		return slices.ContainsFunc(words, p.MatchString)
	})
}

func (f *psFilters) labelled(labels map[string]string) bool {
	for _, want := range f.labels {
		name, value, valued := strings.Cut(want, "=")
		if have, ok := labels[name]; !ok || valued && have != value {
			return false
		}
	}
	return true
}
