package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/learnbox/learnbox/explain/texts"
	"github.com/learnbox/learnbox/explain/whatif"
	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/sandbox/spec"
)

// This file is the outer half of whatif: the same questions to a run with a
// step and to one without it, each in a shield of its own.

// A trial is one comparison under way.
type trial struct {
	c     *WhatifCmd
	a     *app
	all   *lifecycle.Containers
	image string // ID
	built spec.Result
}

// A side is what one of the runs answered.
type side struct {
	shieldResult
	answers []string // one for each probe
}

const (
	probeLimit = time.Minute // for the probes; the user's own command has no limit
	probeEnd   = "=-=-="     // stands between the answers of the probes
)

// compare makes both runs.
func (t *trial) compare() (whatif.Comparison, error) {
	c := t.about()
	var probes []whatif.Probe
	var through []string
	for _, id := range t.c.Without {
		row, _ := whatif.For(id)
		probes, through = append(probes, row.Probes...), append(through, row.Through...)
		c.Careful = firstOf(c.Careful, row.Careful)
		c.Try = append(c.Try, row.Flags...)
	}
	with, err := t.ask(nil, probes)
	if err != nil {
		return c, err
	}
	var without side
	out := slices.Clone(t.c.Without)
	for {
		if without, err = t.ask(out, probes); err != nil {
			return c, err
		}
		if !slices.Contains(through, without.Step) || slices.Contains(out, without.Step) {
			break
		}
		c.Tripped = append(c.Tripped, whatif.Trip{Step: without.Step, Error: shortIDs(without.Error)})
		out = append(out, without.Step)
	}
	c.Answers = []whatif.Answer{{What: "did it run", How: "what learnbox said", With: with.ended(), Without: without.ended()}}
	for i, p := range probes {
		c.Answers = append(c.Answers, whatif.Answer{What: p.What, How: firstOf(p.Shell, p.Fact), With: with.answers[i], Without: without.answers[i]})
	}
	more, err := t.own(out)
	c.Answers = append(c.Answers, more...)
	return c, err
}

// about is what is known before anything is tried.
func (t *trial) about() whatif.Comparison {
	c := whatif.Comparison{Without: t.c.Without, Run: t.c.Words}
	var titles, whys, means []string
	for _, s := range allSteps() {
		if !slices.Contains(t.c.Without, s.ID) {
			continue
		}
		titles, whys = append(titles, s.Title), append(whys, s.Why)
		if text, ok := texts.ForStep(s.ID); ok {
			means = append(means, text.Without)
		}
	}
	c.Title, c.Why, c.Means = strings.Join(titles, "; "), strings.Join(whys, "; "), strings.Join(means, "\n\n")
	return c
}

// ended says in one line whether the container came to run.
func (s side) ended() string {
	switch {
	case s.Step != "":
		return "failed at " + s.Step + ": " + shortIDs(s.Error)
	case s.Ran && s.Error != "":
		first, _, _ := strings.Cut(s.Error, "\n")
		return "it ran; then learnbox failed: " + shortIDs(first)
	case s.Error != "":
		return "failed: " + shortIDs(s.Error)
	}
	return "it ran"
}

// shortIDs makes a text with IDs of containers readable.
func shortIDs(text string) string {
	return regexp.MustCompile(`[0-9a-f]{64}`).ReplaceAllStringFunc(text, lifecycle.Short)
}

// ask runs the probes in a new shield.
func (t *trial) ask(without []string, probes []whatif.Probe) (s side, err error) {
	ctx, cancel := context.WithTimeout(t.a.ctx, probeLimit)
	defer cancel()
	job := shieldJob{Without: without, Flags: t.c.runFlags, Root: t.a.root}
	shell := "sh"
	job.Flags.Entrypoint = &shell
	job.Flags.Env = append(slices.Clone(job.Flags.Env), "MARKER="+filepath.Join(t.a.root, whatif.MarkerName))
	if f := &job.Flags; f.Hostname == "" && f.UTS != "host" && f.Network != "host" {
		f.Hostname = "box"
	}
	var script []string
	for _, p := range probes {
		if p.Shell != "" {
			script = append(script, "( "+p.Shell+" )\necho "+probeEnd)
		}
		job.AtExec = job.AtExec || p.Fact == whatif.FactCapEff
	}
	job.Words = []string{t.image, "-c", strings.Join(append(script, "exit 0"), "\n")}
	return s, t.in(ctx, job, &s.shieldResult, func(shield *whatif.Shield) error {
		s.answers, err = readAnswers(shield, probes, s.shieldResult)
		return err
	})
}

// in does one job in a new shield, and looks at that before it ends.
func (t *trial) in(ctx context.Context, job shieldJob, r *shieldResult, look func(*whatif.Shield) error) (err error) {
	shield, done, err := openShield(ctx, t.a, t.all, t.built.Spec.Linux.Resources)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	if err := shield.Do(ctx, job, r); err != nil {
		return err
	}
	return look(shield)
}

// readAnswers finds what each probe was answered.
func readAnswers(shield *whatif.Shield, probes []whatif.Probe, r shieldResult) ([]string, error) {
	said := strings.Split(strings.ReplaceAll(string(r.Stdout), "\r", ""), probeEnd+"\n")
	var all []string
	for _, p := range probes {
		var answer string
		var err error
		switch {
		case p.Shell != "" && !r.Ran:
			answer = "(it did not run)"
		case p.Shell != "":
			answer, said = said[0], said[min(1, len(said)-1):]
		case p.Fact == whatif.FactCapEff:
			answer = r.CapEff
		default:
			if answer, err = shield.Fact(p.Fact); err != nil {
				return nil, fmt.Errorf("look at the shield: %w", err)
			}
		}
		all = append(all, narrate.Plain(strings.TrimSpace(answer)))
	}
	return all, nil
}

// own runs the user's own command both ways, if there is one.
func (t *trial) own(without []string) ([]whatif.Answer, error) {
	if len(t.c.Words) < 2 {
		return nil, nil
	}
	var code, output [2]string
	for i, out := range [][]string{nil, without} {
		job := shieldJob{Without: out, Flags: t.c.runFlags, Root: t.a.root, Words: append([]string{t.image}, t.c.Words[1:]...)}
		var s side
		if err := t.in(t.a.ctx, job, &s.shieldResult, func(*whatif.Shield) error { return nil }); err != nil {
			return nil, err
		}
		code[i] = fmt.Sprint(s.Code)
		output[i] = narrate.Plain(strings.TrimSpace(strings.ReplaceAll(string(s.Stdout)+string(s.Stderr), "\r", "")))
		if s.Error != "" {
			output[i] = s.ended()
		}
	}
	how := strings.Join(t.c.Words[1:], " ")
	return []whatif.Answer{
		{What: "exit code of your command", How: how, With: code[0], Without: code[1]},
		{What: "what your command wrote", How: how, With: output[0], Without: output[1]},
	}, nil
}
