package lifecycle

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/sandbox"
	"github.com/learnbox/learnbox/sandbox/rootfs"
	"github.com/learnbox/learnbox/sandbox/tty"
)

// StartOptions say how a container's program is connected.
type StartOptions struct {
	Filter  []byte   // the seccomp program
	Size    tty.Size // of the terminal
	Stdin   bool     // keep standard input open, for Streams.Stdin
	Narrate narrate.Narrator
}

// A Live container is what its parent holds. Wait must be called.
type Live struct {
	*sandbox.Process
	streams *streams

	record Record
	draft  *Draft
	state  State
}

// Start starts the program of a draft. Its files are written while the init
// builds the container, so that they cost no time. If the start fails after that, the
// container is exited with the code that the error carries; before, or if it is
// an --rm one, nothing is left of it.
func (d *Draft) Start(ctx context.Context, r Record, spec *specs.Spec, o StartOptions) (*Live, error) {
	s, err := newStreams(spec.Process.Terminal, o.Stdin)
	if err != nil {
		return nil, errors.Join(err, d.Discard())
	}
	run := &Live{streams: s, record: r, draft: d}
	run.Process, err = sandbox.Start(ctx, sandbox.Config{
		Spec:     spec,
		Overlay:  rootfs.Overlay{Lower: r.Rootfs, Upper: filepath.Join(d.Dir, "upper"), Work: filepath.Join(d.Dir, "work"), Volatile: r.AutoRemove},
		Merged:   filepath.Join(d.Dir, "merged"),
		Cgroup:   cgroupOf(d.ID),
		Programs: d.all.bin,
		Filter:   o.Filter,
		Reaper:   r.Init,
		Size:     o.Size,
		Stdin:    s.childIn, Stdout: s.childOut, Stderr: s.childErr,
		Meanwhile: func(pid int) error {
			run.state = State{Status: Running, Pid: pid, Started: time.Now().UTC()}
			return d.save(r, spec, run.state)
		},
		Narrate: o.Narrate,
	})
	s.closeChildEnds()
	if err != nil {
		s.close()
		return nil, errors.Join(err, d.end(r, State{Status: Exited, ExitCode: exitCode(err), Error: err.Error()}))
	}
	return run, nil
}

// Wait waits for the end of the program, and brings the container to rest.
func (r *Live) Wait() (sandbox.Status, error) {
	status, err := r.Process.Wait()
	s := r.state
	s.Status, s.Pid, s.ExitCode = Exited, 0, status.Code
	return status, errors.Join(err, r.draft.end(r.record, s))
}

// end writes the last state of a container, or removes it if it was to go or
// never came to be, and gives its lock back.
func (d *Draft) end(r Record, s State) error {
	if r.AutoRemove || !d.saved {
		return d.Discard()
	}
	s.Finished = time.Now().UTC()
	return errors.Join(
		d.all.setState(r, s),
		os.RemoveAll(filepath.Join(d.all.run, d.ID)),
		d.lock.Release(),
	)
}

// exitCode is the code of a run that ends with err.
func exitCode(err error) int {
	var coded interface{ ExitCode() int }
	if errors.As(err, &coded) {
		return coded.ExitCode()
	}
	return 125
}
