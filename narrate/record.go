package narrate

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Version is the version of the records that this package writes. It changes
// when a key changes its meaning; new keys do not change it.
const Version = "1"

// The types of records. A journal begins with one hello and ends with one
// total, if the run got that far.
const (
	TypeHello = "hello" // what tells, and of what
	TypeStep  = "step"  // a step was taken, left out, or failed
	TypeStop  = "stop"  // the run waits at a breakpoint; Phase says before or after the step
	TypeTotal = "total" // the program runs
)

// A Record is one line of a journal: what happened, what the kernel said
// afterwards, and what there is to know about it. Which fields are set depends
// on the type. Readers ignore keys that they do not know.
type Record struct {
	V    string `json:"v"`
	Type string `json:"type"`

	// The ID, in all records from container.create on. Who is told while it happens has heard
	// the hello before; in a journal that has the ID, too.
	Container string `json:"container,omitempty"`

	// Of a hello.
	Learnbox string `json:"learnbox,omitempty"` // the version
	Name     string `json:"name,omitempty"`     // in a journal
	Image    string `json:"image,omitempty"`
	Kernel   string `json:"kernel,omitempty"`
	Cgroup   string `json:"cgroup,omitempty"` // "v1" or "v2"
	Steps    int    `json:"steps,omitempty"`  // how many this run is to take

	// Of a step.
	ID       string   `json:"id,omitempty"`
	N        int      `json:"n,omitempty"` // counted from 1
	Phase    Phase    `json:"phase,omitempty"`
	Pid      int      `json:"pid,omitempty"`
	Title    string   `json:"title,omitempty"`
	Why      string   `json:"why,omitempty"`
	Args     []string `json:"args,omitempty"` // what the step works on in this run
	Calls    []Call   `json:"calls,omitempty"`
	Evidence []Fact   `json:"evidence,omitempty"`
	Look     string   `json:"look,omitempty"`   // a command that shows it
	ByHand   []string `json:"byhand,omitempty"` // the same without learnbox
	Docker   string   `json:"docker,omitempty"`
	Lesson   string   `json:"lesson,omitempty"`
	Man      []string `json:"man,omitempty"`
	Error    string   `json:"error,omitempty"`
	Hint     string   `json:"hint,omitempty"`

	Us int64 `json:"us,omitempty"` // microseconds that the step or, in a total, the run took; 0: nobody knows
}

// A Fact is something that was read back from the kernel. It is never an
// argument repeated.
type Fact struct {
	Fact   string `json:"fact"`             // "uts namespace"
	Source string `json:"source"`           // the path that was read: "/proc/4711/ns/uts"
	Before string `json:"before,omitempty"` // empty: was not there, or was not read
	After  string `json:"after,omitempty"`  // empty: is no longer there, or Unread
	Unread string `json:"unread,omitempty"` // why it could not be read after the step
}

// Write writes a record as one line.
func (r Record) Write(w io.Writer) error {
	r.V = Version
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write a record: %w", err)
	}
	_, err = w.Write(append(line, '\n'))
	return err
}

// ErrCut reports a journal whose last record is not whole: whoever wrote it was
// killed.
var ErrCut = errors.New("the journal ends in the middle of a record")

// Read reads a journal. Beside ErrCut it returns all records before the cut.
func Read(r io.Reader) ([]Record, error) {
	var all []Record
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		switch {
		case errors.Is(err, io.EOF) && len(line) == 0:
			return all, nil
		case errors.Is(err, io.EOF):
			return all, ErrCut
		case err != nil:
			return all, fmt.Errorf("read the journal: %w", err)
		}
		var record Record
		if err := json.Unmarshal(line, &record); err != nil {
			return all, fmt.Errorf("read record %d of the journal: %w", len(all)+1, err)
		}
		all = append(all, record)
	}
}
