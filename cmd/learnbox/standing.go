package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/learnbox/learnbox/explain/stop"
	"github.com/learnbox/learnbox/lifecycle"
)

// A container whose run stands at a breakpoint has a first process, but no program yet. It
// counts as created, and its run holds it: that can go on or be given up, and nothing else.

// standing is the run that stands still on the way to a container's program.
func (a *app) standing(ct lifecycle.Container) (run stop.Stopped, stands bool) {
	if ct.State.Status != lifecycle.Created {
		return stop.Stopped{}, false
	}
	return a.standingRun(func(s stop.Stopped) bool { return s.Container == ct.ID })
}

func (a *app) standingRun(is func(stop.Stopped) bool) (run stop.Stopped, stands bool) {
	all, err := stop.Find(a.gateDir())
	i := slices.IndexFunc(all, is)
	if err != nil || i < 0 {
		return stop.Stopped{}, false
	}
	return all[i], true
}

// standsStill is why nothing can be done with a container whose run stands still, or nil.
func (a *app) standsStill(ct lifecycle.Container) error {
	run, stands := a.standing(ct)
	if !stands {
		return nil
	}
	return hintedError{
		fmt.Errorf("its run stands at a breakpoint, %s", run.At),
		fmt.Sprintf("learnbox continue %s, or learnbox rm -f %s to give it up", ct.Name, ct.Name),
	}
}

// giveUp ends the run of a container if it stands still. One that has gone on
// meanwhile is a container like any.
func (a *app) giveUp(ct lifecycle.Container) {
	if run, stands := a.standing(ct); stands {
		_, _ = run.Say(stop.Abort)
	}
}

// giveUpDraft is giveUp for a run whose container is not written down yet, so that only
// the run itself knows it. It reports whether there was one.
func (a *app) giveUpDraft(word string) bool {
	run, stands := a.standingRun(func(s stop.Stopped) bool {
		return s.Container != "" && (s.Name == word || strings.HasPrefix(s.Container, word))
	})
	if !stands || word == "" {
		return false
	}
	_, err := run.Say(stop.Abort)
	return err == nil || errors.Is(err, stop.ErrEnded)
}

// alive says whether a container, if a run has come that far, has a program.
func (a *app) alive(id string) bool {
	if id == "" {
		return false
	}
	ct, err := a.findContainer(id)
	return err == nil && ct.State.Status.Alive()
}
