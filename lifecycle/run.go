package lifecycle

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/sandbox"
	"github.com/learnbox/learnbox/sandbox/rootfs"
	"github.com/learnbox/learnbox/sandbox/tty"
)

// CloneOptions say how a container's program will be connected.
type CloneOptions struct {
	Terminal bool // it gets one of its own, and no pipes
	Stdin    bool // keep standard input open, for Attach
	HostPIDs bool // it sees the host's processes
	Narrate  *narrate.Narrator
}

// StartOptions are what is not in config.json.
type StartOptions struct {
	Filter func() (sandbox.Filter, error) // compiles the seccomp profile; called while the init builds the container
	Size   tty.Size                       // of the terminal

	Unconfined bool     // Filter returns none
	OwnFilter  bool     // Filter is the user's
	Without    []string // see sandbox.Config

	Narrate *narrate.Narrator // of StartDetached; Start speaks to that of Clone
}

// A Live container is what its parent holds. Wait must be called.
type Live struct {
	*sandbox.Process
	streams *streams

	record Record
	draft  *Draft
	state  State
}

// Clone makes the container's first process, which then waits for Start. If it
// fails, the draft is as it was.
func (d *Draft) Clone(ctx context.Context, o CloneOptions) (err error) {
	if err := d.noteCgroup(); err != nil {
		return err
	}
	if d.streams, err = newStreams(o.Terminal, o.Stdin); err != nil {
		return err
	}
	d.init, err = sandbox.Clone(ctx, sandbox.CloneOptions{
		Cgroup: d.Cgroup, HostPIDs: o.HostPIDs,
		Programs: d.all.bin, Empty: filepath.Join(d.Dir, "merged"),
		Stdin: d.streams.childIn, Stdout: d.streams.childOut, Stderr: d.streams.childErr,
		Narrate: o.Narrate,
	})
	d.streams.closeChildEnds()
	if err != nil {
		d.streams.close()
	}
	return err
}

// Start starts the program of a draft that was cloned. Its files are written
// while the init builds the container, so that they cost no time. If the start
// fails after that, the container is exited with the code that the error
// carries; before, or if it is an --rm one, nothing is left of it.
func (d *Draft) Start(ctx context.Context, r Record, spec *specs.Spec, o StartOptions) (*Live, error) {
	live, err := d.start(ctx, r, spec, o)
	if err != nil {
		return nil, errors.Join(err, d.giveUp(r, err))
	}
	return live, nil
}

// start is Start without the end of a container whose program does not start.
func (d *Draft) start(ctx context.Context, r Record, spec *specs.Spec, o StartOptions) (_ *Live, err error) {
	if err := likeLower(filepath.Join(d.Dir, "upper"), r.Rootfs); err != nil {
		return nil, err
	}
	live := &Live{streams: d.streams, record: r, draft: d}
	init := d.init
	d.init = nil                                      // Start ends it in any case
	slow := init.Narrate != nil && init.Narrate.Gated // somebody may look at the files before the program runs
	live.Process, err = init.Start(ctx, sandbox.Config{
		Spec:    spec,
		Overlay: rootfs.Overlay{Lower: r.Rootfs, Upper: filepath.Join(d.Dir, "upper"), Work: filepath.Join(d.Dir, "work"), Volatile: r.AutoRemove},
		Merged:  filepath.Join(d.Dir, "merged"),
		Reaper:  r.Init,
		Size:    o.Size, Unconfined: o.Unconfined, OwnFilter: o.OwnFilter, Without: o.Without,
		Meanwhile: func(pid int) (sandbox.Filter, error) {
			live.state = d.past.begun(r, pid)
			if slow {
				live.state.Status = Created
			}
			if err := d.saveBeginning(r, spec, live.state); err != nil {
				return sandbox.Filter{}, err
			}
			d.tellBeginning(r)
			return o.Filter()
		},
	})
	if err == nil && slow {
		live.state.Status, live.state.Started = Running, time.Now().UTC()
		if err = d.all.setState(r, live.state); err != nil {
			_, endErr := live.end()
			err = errors.Join(err, endErr)
		}
	}
	if err != nil {
		d.streams.close()
		return nil, err
	}
	d.all.Report(r, "start")
	return live, nil
}

// tellBeginning tells what comes before "start". Without a monitor's process its command is attached.
func (d *Draft) tellBeginning(r Record) {
	var events []Event
	if !d.again {
		events = append(events, d.all.event(r, "create"))
	}
	if d.owned || !d.again && d.lent == nil {
		events = append(events, d.all.event(r, "attach"))
	}
	d.all.Journal().Tell(events...)
}

// begun is the state of a program that starts, after whatever was before.
func (s State) begun(r Record, pid int) State {
	now := State{Status: Running, Pid: pid, Started: time.Now().UTC(), RestartCount: s.RestartCount}
	if r.Health.Argv() != nil {
		now.Health = s.Health.begun()
	}
	return now
}

// end kills the program and waits for it.
func (r *Live) end() (sandbox.Status, error) {
	_ = r.Signal(unix.SIGKILL) // it may have ended
	return r.Wait()
}

// likeLower gives the upper directory owner and mode of the image's root: they
// are what the container sees as those of "/".
func likeLower(upper, lower string) error {
	info, err := os.Stat(lower)
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := os.Chown(upper, int(st.Uid), int(st.Gid)); err != nil {
			return err
		}
	}
	return os.Chmod(upper, info.Mode())
}

// MonitorStep is the step that StartDetached begins with.
func MonitorStep() narrate.Step {
	return narrate.Step{
		ID:    "monitor.start",
		Title: "A process of its own that watches over the container",
		Why:   "it becomes the parent of the container's first process, so it has to be there before that one",
	}
}

// ExitStep is the step that Wait ends with.
func ExitStep() narrate.Step {
	return narrate.Step{
		ID:    "process.exit",
		Title: "The program has ended, its control group is gone",
		Why:   "with the last process went the namespaces and every mount in them; the group is removed by hand",
	}
}

// giveUp ends a container whose program did not start. If a step failed, that
// can be read from its state; if somebody gave the run up, nothing is left.
func (d *Draft) giveUp(r Record, err error) error {
	if _, failed := errors.AsType[*sandbox.StepError](err); !failed && !d.again {
		return d.vanish(r)
	}
	d.abort()
	return d.end(r, State{Status: Exited, ExitCode: exitCode(err), Error: err.Error()})
}

// abort ends an init that still waits for its plan.
func (d *Draft) abort() {
	if d.init != nil {
		d.init.Abort()
		d.streams.close()
		d.init = nil
	}
}

// end writes the last state of a container, or removes it if it was to go or
// never came to be, and gives its lock back. Repair does the rest of it if it is
// killed meanwhile.
func (d *Draft) end(r Record, s State) error {
	if d.saved {
		d.all.Report(r, "die", "exitCode", strconv.Itoa(s.ExitCode))
	}
	if r.AutoRemove || !d.saved {
		return d.vanish(r)
	}
	if s.Finished.Before(s.Started) || s.Finished.IsZero() { // it waited for a restart if not
		s.Finished = time.Now().UTC()
	}
	s.Health = s.Health.ended()
	return errors.Join(
		d.all.setState(r, s),
		d.all.unlist(d.ID),
		d.lock.Release(),
	)
}

// vanish is Discard, which is told if there was a container.
func (d *Draft) vanish(r Record) error {
	err := d.Discard()
	if d.saved && err == nil {
		d.all.Report(r, "destroy")
	}
	return err
}

// exitCode is the code of a run that ends with err.
func exitCode(err error) int {
	var coded interface{ ExitCode() int }
	if errors.As(err, &coded) {
		return coded.ExitCode()
	}
	return 125
}
