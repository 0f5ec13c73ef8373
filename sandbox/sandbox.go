// Package sandbox turns an OCI config.json into an isolated process.
//
// Two processes build a container. The parent, learnbox itself, makes the
// cgroup and clones the init into a new pid namespace. The init is a
// small program of its own (cmd/learnbox-init, see program_linux.go); as PID 1
// of the container it takes the steps of the table in steps_linux.go, one after
// the other, and at the last one becomes the user's program by execve(2).
//
// The two talk over a socket pair (channel_linux.go): the parent sends a plan
// and later the word to go on, the init sends what it did, a terminal if there
// is one, and what went wrong if something did. The socket closes by itself at
// the execve, and that silence tells the parent that the program runs.
//
// Before the execve the init trusts nothing that the image brings: see package
// rootfs for paths, and internal/linux for the sealed view of the program
// that it runs from (CVE-2019-5736).
package sandbox

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/sandbox/cgroup"
	"github.com/learnbox/learnbox/sandbox/rootfs"
	"github.com/learnbox/learnbox/sandbox/tty"
)

// InitName is the name of the init's program, and the argv[0] under which a
// learnbox that has none embedded acts as one.
const InitName = "learnbox-init"

// CloneOptions are what a container's init is born with.
type CloneOptions struct {
	Cgroup   string // path of the container's group below the cgroup roots: "learnbox-ID"
	HostPIDs bool   // stay in the parent's pid namespace
	Programs string // absolute: where the init's program is kept between runs; "" in a process that was started from OpenProgram
	Empty    string // absolute: an empty directory

	Stdin, Stdout, Stderr *os.File // the program's; nil: /dev/null, or its terminal
	Narrate               *narrate.Narrator
}

// A Config is what the container is to be.
type Config struct {
	Spec    *specs.Spec
	Overlay rootfs.Overlay
	Merged  string   // absolute: an empty directory, where the overlay is mounted inside the container's mount namespace
	Reaper  bool     // keep a small init as PID 1 that reaps orphans and passes signals on (--init)
	Size    tty.Size // of the terminal, with Spec.Process.Terminal

	Unconfined bool // run without a seccomp filter; else it is an error if Meanwhile returns none
	OwnFilter  bool // the filter is the user's, and may forbid the init to speak: what follows it is told afterwards

	Stay bool // the program outlives its parent: only for one that enters a container

	// Without names steps to leave out, of those that Start takes. What they
	// protect is then unprotected; see package explain/whatif, which knows the
	// steps that can be missed, and where it does no harm.
	Without []string

	// Meanwhile is called while the init, of this PID, builds the container, and
	// done before the program runs. It returns the filter for the program.
	Meanwhile func(pid int) (Filter, error)
}

// EnterOptions say what enters a container.
type EnterOptions struct {
	CloneOptions // Cgroup is the container's

	Pid        int // of the container's first process
	Process    *specs.Process
	Namespaces []specs.LinuxNamespace // of the container
	Size       tty.Size
	Filter     Filter
	Unconfined bool
	OwnFilter  bool
	Stay       bool // it outlives the caller

	// Apart names a group of its own below the container's. It is made for the program,
	// and with the program ends all that is in it: nothing that it started stays.
	Apart string
}

// ErrGone reports that the container ended before it could be entered.
var ErrGone = errors.New("the container has ended")

// A Filter is a seccomp program, ready for the kernel, and its flags; an empty
// program is none.
type Filter struct {
	Program []byte
	Flags   []specs.LinuxSeccompFlag
}

// A Status is how the container's first process ended.
type Status struct {
	Code   int            // exit status, or 128 + Signal
	Signal syscall.Signal // 0 if it exited by itself

	OOMKilled bool         // the kernel killed a process of the container at its limit of memory
	Count     cgroup.Count // what its limits have brought about

	Tidied time.Duration  // how long it took from its end until its control group was gone
	Calls  []narrate.Call // of that, if the narrator attends
}

// A Reach names the limits that a container can reach.
type Reach struct{ Memory, Pids, CPU bool }

// A StepError reports the step that a container could not take.
type StepError struct {
	Step string // its id
	Text string // what failed and why, as the process that took it saw it
	Way  string // a way out, if one is known
	Code int    // the exit code this means for run: 125, 126 or 127

	err error // the cause, if it happened in this process
}

func (e *StepError) Error() string { return fmt.Sprintf("%s: %s", e.Step, e.Text) }

func (e *StepError) Unwrap() error { return e.err }

// Hint returns the way out.
func (e *StepError) Hint() string { return e.Way }

// ExitCode returns the exit code that `learnbox run` ends with.
func (e *StepError) ExitCode() int { return e.Code }
