// Package evidence reads back from the kernel what a step has changed.
//
// Everything that learnbox asks the kernel for can be seen afterwards by
// anybody, mostly in /proc/PID of the container's first process. For each
// step this package has a list of probes (table.go): what to read, before the
// step and after it. The facts that come out carry the path that was read, so
// that a learner can read it too, and they never repeat an argument.
//
// The probes are read from outside, by a process of the machine, because what
// the container says of itself is the container's word. They need root. The
// init that is looked at stands still meanwhile.
//
// What it leaves out: a seccomp filter cannot be read back without stopping the
// process by ptrace(2), nor can a device program of cgroup v2 be without bpf(2);
// the kernel tells only that they are there, or nothing at all.
package evidence

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/learnbox/learnbox/narrate"
)

// A Subject is the container that is looked at. Fields are set as they become
// known; a probe that lacks one is left out.
type Subject struct {
	Pid     int      // of the first process, on the machine
	Monitor int      // of the process that watches over it, in the background
	Dir     string   // of the container: …/containers/ID
	Images  string   // the image store
	Rootfs  string   // the flattened image
	Groups  []string // the directories of its control group
	Sysctls []string // names of those that the run sets
	Limits  []string // the files of the control group that the run sets; nil: look at all
	Merged  string   // where the container's root is in its mount table: …/containers/ID/merged, or "" if it is "/"; for Now

	files fileCache
}

// AtOnce is a Subject of which everything is read at one moment: no file twice.
func (s Subject) AtOnce() Subject {
	s.files = fileCache{}
	return s
}

// A probe reads one thing. An entry of a list is a fact of its own, and told
// only if it is new or gone.
type probe struct {
	fact   string
	list   bool
	steady bool // only steps that have the probe change it: what it read last still holds
	read   func(Subject) (source string, values []string)
	quiet  bool                         // told of only if it has changed
	ends   bool                         // the end of the process is what it shows
	show   func(Subject, string) string // how an entry of a list is told; nil: as it is
	of     func(Subject, string) bool   // which entries of a list are the step's, long after it was taken; nil: all
}

// tell is a value as people read it.
func (p probe) tell(s Subject, value string) string {
	if p.show == nil {
		return value
	}
	return p.show(s, value)
}

// A Watcher looks at one container, step by step.
type Watcher struct {
	last map[string][]string // of steady probes, by their fact
}

// Forget makes the Watcher read everything anew: somebody else may have been at
// the container.
func (w *Watcher) Forget() { w.last = nil }

// A Watch remembers what probes read before a step.
type Watch struct {
	of     *Watcher
	probes []probe
	before [][]string
}

// Begin reads what the step is going to change. The step may be one that
// nothing is known of.
func (w *Watcher) Begin(step string, s Subject) Watch {
	watch := Watch{of: w, probes: table(step)}
	for _, p := range watch.probes {
		values, known := w.last[p.fact]
		if !known {
			_, values = p.read(s)
		}
		watch.before = append(watch.before, values)
	}
	return watch
}

// End reads the same again. What it returns puts what there is now beside what was
// before, and needs the kernel no more: the run can go on meanwhile.
func (w Watch) End(s Subject) (facts func() []narrate.Fact) {
	sources, after := make([]string, len(w.probes)), make([][]string, len(w.probes))
	for i, p := range w.probes {
		sources[i], after[i] = p.read(s)
		if p.steady {
			if w.of.last == nil {
				w.of.last = map[string][]string{}
			}
			w.of.last[p.fact] = after[i]
		}
	}
	ended := w.lacks(s, sources, after) && s.ended()
	return func() []narrate.Fact {
		var facts []narrate.Fact
		for i, p := range w.probes {
			if ended && len(after[i]) == 0 && s.own(sources[i]) && !p.ends {
				facts = append(facts, p.unread(sources[i], w.before[i]))
				continue
			}
			facts = append(facts, p.compare(s, sources[i], w.before[i], after[i])...)
		}
		return facts
	}
}

// lacks reports whether something of the process is missing that was there before.
func (w Watch) lacks(s Subject, sources []string, after [][]string) bool {
	for i := range after {
		if len(after[i]) == 0 && len(w.before[i]) > 0 && s.own(sources[i]) {
			return true
		}
	}
	return false
}

// unread is the fact of a process that was looked at too late: what could not be read is
// not known to be gone.
func (p probe) unread(source string, before []string) narrate.Fact {
	f := narrate.Fact{Fact: p.fact, Source: source, Unread: "the process had ended already"}
	if !p.list {
		f.Before = strings.Join(before, " ")
	}
	return f
}

// compare are the facts of two readings.
func (p probe) compare(s Subject, source string, before, after []string) []narrate.Fact {
	if p.list {
		return changes(p, s, source, before, after)
	}
	then, now := strings.Join(before, " "), strings.Join(after, " ")
	if then+now == "" || p.quiet && then == now {
		return nil
	}
	return []narrate.Fact{{Fact: p.fact, Source: source, Before: then, After: now}}
}

// Now reads what a step left, as it is at this moment.
func Now(step string, s Subject) []narrate.Fact {
	var facts []narrate.Fact
	for _, p := range table(step) {
		source, values := p.read(s)
		if len(values) > 0 && !p.list {
			values = []string{strings.Join(values, " ")}
		}
		for _, v := range values {
			if p.of != nil && !p.of(s, v) {
				continue
			}
			v = p.tell(s, v)
			facts = append(facts, narrate.Fact{Fact: p.fact, Source: source, After: v, Before: v})
		}
	}
	return facts
}

// changes are the entries that came and went between two readings of a list.
func changes(p probe, s Subject, source string, before, after []string) []narrate.Fact {
	var facts []narrate.Fact
	for _, v := range minus(after, before) {
		facts = append(facts, narrate.Fact{Fact: p.fact, Source: source, After: p.tell(s, v)})
	}
	const most = 4 // of the old root's mounts; with it go all below it
	gone := minus(before, after)
	for _, v := range gone[:min(most, len(gone))] {
		facts = append(facts, narrate.Fact{Fact: p.fact, Source: source, Before: p.tell(s, v)})
	}
	if len(gone) > most {
		facts = append(facts, narrate.Fact{Fact: p.fact, Source: source, Before: fmt.Sprintf("%d more of them", len(gone)-most)})
	}
	return facts
}

// minus is a without the entries of b, each as often as it stands there.
func minus(a, b []string) []string {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] { // most lists grow at their end
		a, b = a[1:], b[1:]
	}
	count := map[string]int{}
	for _, v := range b {
		count[v]++
	}
	var rest []string
	for _, v := range a {
		if count[v] > 0 {
			count[v]--
			continue
		}
		rest = append(rest, v)
	}
	return rest
}

// inMerged is a path of the container while its root is still being built: the
// init's own view of the place where the overlay is mounted. After pivot_root
// it is the path itself.
func (s Subject) inMerged(path string) string {
	root := s.proc("root")
	if built := filepath.Join(root, s.Dir, "merged"); s.Dir != "" && exists(filepath.Join(built, "proc")) {
		root = built
	}
	return filepath.Join(root, path)
}
