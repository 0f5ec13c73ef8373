package lifecycle

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

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
	Narrate  narrate.Narrator
}

// StartOptions are what is not in config.json.
type StartOptions struct {
	Filter func() (sandbox.Filter, error) // compiles the seccomp profile; called while the init builds the container
	Size   tty.Size                       // of the terminal

	Unconfined bool // Filter returns none
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
	if d.streams, err = newStreams(o.Terminal, o.Stdin); err != nil {
		return err
	}
	d.init, err = sandbox.Clone(ctx, sandbox.CloneOptions{
		Cgroup: cgroupOf(d.ID), HostPIDs: o.HostPIDs,
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
func (d *Draft) Start(ctx context.Context, r Record, spec *specs.Spec, o StartOptions) (_ *Live, err error) {
	if err := likeLower(filepath.Join(d.Dir, "upper"), r.Rootfs); err != nil {
		return nil, errors.Join(err, d.Discard())
	}
	live := &Live{streams: d.streams, record: r, draft: d}
	init := d.init
	d.init = nil // Start ends it in any case
	live.Process, err = init.Start(ctx, sandbox.Config{
		Spec:    spec,
		Overlay: rootfs.Overlay{Lower: r.Rootfs, Upper: filepath.Join(d.Dir, "upper"), Work: filepath.Join(d.Dir, "work"), Volatile: r.AutoRemove},
		Merged:  filepath.Join(d.Dir, "merged"),
		Reaper:  r.Init,
		Size:    o.Size, Unconfined: o.Unconfined,
		Meanwhile: func(pid int) (sandbox.Filter, error) {
			live.state = State{Status: Running, Pid: pid, Started: time.Now().UTC()}
			if err := d.save(r, spec, live.state); err != nil {
				return sandbox.Filter{}, err
			}
			return o.Filter()
		},
	})
	if err != nil {
		d.streams.close()
		return nil, errors.Join(err, d.end(r, State{Status: Exited, ExitCode: exitCode(err), Error: err.Error()}))
	}
	return live, nil
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
		d.all.unlist(d.ID),
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
