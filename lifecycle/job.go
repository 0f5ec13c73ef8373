package lifecycle

import (
	"context"
	"errors"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/internal/atomicfile"
	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/sandbox"
	"github.com/learnbox/learnbox/sandbox/tty"
)

// A job is what a monitor is told at first. All else it reads from the container's files,
// or is told in orders.
type job struct {
	Data, Run             string // those of Containers
	ID                    string
	Lent                  *lentDraft // nil: the container is there already, and at rest
	Tells, Attends, Gated bool       // whether the steps are told of, and as in narrate.Narrator
	Attached              bool       // whoever gives the job wants to see the program from its beginning
	orders
}

// A lentDraft is one whose first process the monitor makes, while the command still finds
// out what is to run in it.
type lentDraft struct {
	Name, Cgroup              string
	Terminal, Stdin, HostPIDs bool

	saved bool // its files are written
}

// Orders are what a monitor has to know before the program can run.
type orders struct {
	Filter     sandbox.Filter
	Unconfined bool
	OwnFilter  bool
	Size       tty.Size
	Record     *Record     `json:",omitempty"` // of a draft
	Spec       *specs.Spec `json:",omitempty"` // likewise
}

func (o orders) options() StartOptions {
	return StartOptions{
		Filter: func() (sandbox.Filter, error) { return o.Filter, nil },
		Size:   o.Size, Unconfined: o.Unconfined, OwnFilter: o.OwnFilter,
	}
}

// start starts the program of a container that is at rest. If that fails the container has
// ended.
func (j *job) start(ctx context.Context, lock *atomicfile.Lock, n *narrate.Narrator) (*Live, error) {
	d, r, spec, err := j.draft(lock)
	if err != nil {
		return nil, err
	}
	live, err := j.run(ctx, d, r, spec, n)
	if err != nil {
		return nil, errors.Join(err, d.giveUp(r, err))
	}
	return live, nil
}

// restart starts it again, after what was before. If that fails the container is
// as it was.
func (j *job) restart(ctx context.Context, lock *atomicfile.Lock, past State) (*Live, error) {
	d, r, spec, err := j.draft(lock)
	if err != nil {
		return nil, err
	}
	d.past = past
	live, err := j.run(ctx, d, r, spec, nil)
	if err != nil {
		d.abort()
	}
	return live, err
}

// containers are those of the command. They have no bin: a monitor hands on its own program.
func (j *job) containers() *Containers {
	return &Containers{data: j.Data, run: j.Run, states: statesDir}
}

// draft is the container as its files tell it.
func (j *job) draft(lock *atomicfile.Lock) (*Draft, Record, *specs.Spec, error) {
	c := j.containers()
	r, spec, err := c.Definition(j.ID)
	if err != nil {
		return nil, r, nil, err
	}
	d := &Draft{
		ID: j.ID, Name: r.Name, Dir: c.dir(j.ID), Cgroup: strings.TrimPrefix(spec.Linux.CgroupsPath, "/"),
		all: c, saved: true, again: true, owned: j.Attached, volumes: r.Volumes, lock: lock,
	}
	return d, r, spec, nil
}

func (j *job) run(ctx context.Context, d *Draft, r Record, spec *specs.Spec, n *narrate.Narrator) (*Live, error) {
	err := d.Clone(ctx, CloneOptions{Terminal: spec.Process.Terminal, Stdin: r.OpenStdin, HostPIDs: !hasPIDs(spec), Narrate: n})
	if err != nil {
		return nil, err
	}
	return d.start(ctx, r, spec, j.options())
}

func hasPIDs(spec *specs.Spec) bool {
	for _, n := range spec.Linux.Namespaces {
		if n.Type == specs.PIDNamespace {
			return true
		}
	}
	return false
}
