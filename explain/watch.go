package explain

import (
	"github.com/learnbox/learnbox/explain/evidence"
	"github.com/learnbox/learnbox/narrate"
)

// This file says when the kernel is read for a step that is to come.

// unannounced is the step after e if nobody will tell that it begins: the run stands still
// now, and not then.
func (t *Teller) unannounced(e narrate.Event) (step string) {
	switch {
	case e.Step.ID == execStep:
		return exitStep
	case e.Far && len(t.place.Next) > 0 && t.gate == nil:
		return t.place.Next[0]
	}
	return ""
}

const (
	groupStep = "cgroup.create" // from then on the group has files
	execStep  = "process.exec"
	exitStep  = "process.exit" // it comes by itself
)

// watchFor reads what a step is going to change.
func (t *Teller) watchFor(step string, now evidence.Subject) {
	if t.Narrator().Attend {
		t.watch[step] = t.watcher.Begin(step, now)
	}
}
