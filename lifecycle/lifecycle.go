// Package lifecycle keeps containers: their names, their files, their states,
// and the process that runs in each.
//
// There is no daemon and no database. A container is a directory of plain
// files below the data root, and a lock below the run root that its parent
// holds as long as it lives:
//
//	containers/ID/config.json     what runs: the OCI runtime configuration
//	containers/ID/container.json  what learnbox knows besides: a Record
//	containers/ID/state           what happened: a State
//	containers/ID/upper, work     the writable layer
//	containers/names/NAME         who has the name: the ID
//	RUN/ID/lock                   held by the parent
//
// The kernel gives a lock back when its holder dies, however it dies. So a
// container whose state says running, but whose lock is free, lost its parent;
// Repair, which every command that touches containers calls first, ends and removes what is left of it.
// Nobody ever waits for the lock of a container, least of all a listing.
package lifecycle

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Status is where in its life a container is, in the words of the OCI
// runtime specification (runtime.md, "State") and Docker.
type Status string

// The states that a container is in, one after the other.
const (
	Created    Status = "created"    // it has its files, its program does not run yet
	Running    Status = "running"    // its program runs
	Paused     Status = "paused"     // its program runs, but is frozen
	Restarting Status = "restarting" // its program has ended, and its monitor is about to start it again
	Exited     Status = "exited"     // its program has ended
	Dead       Status = "dead"       // it could not be removed whole: all that can be done is to try that again
)

// A State is the file that tells what happened to a container.
type State struct {
	Status   Status
	Pid      int    `json:",omitempty"` // of the first process, in the host's pid namespace
	ExitCode int    // valid when exited or restarting; 128+n after signal n
	Error    string `json:",omitempty"` // why it could not start, or who ended it

	// OOMKilled tells that the kernel killed a process of the container, its
	// first or another, because it reached its limit of memory. It is Docker's
	// word: exit code 137 alone may also be somebody's SIGKILL.
	OOMKilled bool `json:",omitempty"`

	Started  time.Time `json:",omitzero"`
	Finished time.Time `json:",omitzero"`

	RestartCount int     `json:",omitempty"` // how often its policy has started it again since somebody started it
	Stopped      bool    `json:",omitempty"` // somebody asked it to end: no policy but always starts it again
	Health       *Health `json:",omitempty"` // nil: nobody checks it
}

// A Record is what learnbox keeps about a container besides its config.json.
// But for the name it does not change while the container lives.
type Record struct {
	ID         string // 64 hex digits
	Name       string
	Image      string // as the user wrote it
	ImageID    string // digest of the image's config
	Rootfs     string // absolute: the flattened image
	Created    time.Time
	AutoRemove bool
	Init       bool   // a reaping init is PID 1
	OpenStdin  bool   `json:",omitempty"` // its standard input is kept open
	Detached   bool   `json:",omitempty"` // run -d made it: no client's input ends its own
	Seccomp    string // "", "unconfined", or the absolute path of the user's profile
	StopSignal string
	Restart    RestartPolicy     `json:",omitzero"`
	Health     *HealthCheck      `json:",omitempty"` // the image's or the user's, or both
	Labels     map[string]string `json:",omitempty"`
	Args       []string          // the program and its arguments, as in config.json, which a listing need not read
	Command    []string          `json:",omitempty"` // the command line that made it, as typed
	Volumes    []MountedVolume   `json:",omitempty"`
}

// A Container is one container as its files tell it.
type Container struct {
	Record
	State  State
	Damage *DamagedError // nil: all of its files could be read; set by List and Survey
}

// ErrNotFound reports that no container has the name or ID.
var ErrNotFound = errors.New("no such container")

// An UnknownError is ErrNotFound about a word, and knows the names that there are.
type UnknownError struct {
	Word  string
	Names []string
}

func (e *UnknownError) Error() string { return fmt.Sprintf("%s: %v", e.Word, ErrNotFound) }

// Is reports whether target is ErrNotFound.
func (*UnknownError) Is(target error) bool { return target == ErrNotFound }

// A NameTakenError reports that another container has the name.
type NameTakenError struct{ Name, ID string }

func (e *NameTakenError) Error() string {
	return fmt.Sprintf("the name %q is taken by container %s", e.Name, Short(e.ID))
}

// Hint says how to get the name.
func (e *NameTakenError) Hint() string {
	return "remove that container (learnbox rm " + e.Name + ") or choose another name"
}

// An AmbiguousError reports that more than one ID begins like that.
type AmbiguousError struct {
	Prefix string
	IDs    []string
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%s is the beginning of %d container IDs", e.Prefix, len(e.IDs))
}

// Hint lists them.
func (e *AmbiguousError) Hint() string {
	words := []string{"it could be"}
	for _, id := range e.IDs {
		words = append(words, Short(id))
	}
	return strings.Join(words, " ")
}

// Short is the form of an ID that people read: its first 12 digits.
func Short(id string) string {
	if len(id) > 12 {
		return id[:12]
	}
	return id
}
