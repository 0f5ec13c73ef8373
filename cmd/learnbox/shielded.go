package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/learnbox/learnbox/explain/evidence"
	"github.com/learnbox/learnbox/explain/whatif"
	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/sandbox"
)

// This file is the inner half of whatif: what a shield does that learnbox has
// started. It alone leaves steps out.

// A shieldJob is one run inside.
type shieldJob struct {
	Without []string
	Flags   runFlags
	Words   []string // the ID of an image that is there, unpacked, and a command
	Root    string
	AtExec  bool // stand still just before the init becomes the program, to look at it
}

// A shieldResult is how it went.
type shieldResult struct {
	Ran    bool // the program
	Code   int
	Step   string // that failed
	Error  string
	Stdout []byte
	Stderr []byte
	CapEff string // of the init, before the execve
}

// shielded is the program of a shield.
func shielded(args []string, null *os.File, stderr io.Writer) int {
	err := whatif.Inside(args, func(raw json.RawMessage) any {
		var job shieldJob
		if err := json.Unmarshal(raw, &job); err != nil {
			return shieldResult{Code: exitRun, Error: err.Error()}
		}
		return job.run(null)
	})
	if err != nil {
		fmt.Fprintf(stderr, "learnbox: whatif: %v\n", err)
		return exitFailed
	}
	return 0
}

// run is a "learnbox run --rm" without the steps.
func (j *shieldJob) run(null *os.File) (r shieldResult) {
	var out, errs head
	a := &app{
		stdin: null, stdout: &out, stderr: &errs, ctx: context.Background(),
		root: j.Root, runDir: filepath.Join(j.Root, "run"), without: j.Without,
	}
	a.narrate = &narrate.Narrator{Attend: j.AtExec, Gated: j.AtExec, Hear: func(e narrate.Event) error {
		switch {
		case e.Step.ID != "process.exec":
		case e.Phase == narrate.Begin:
			r.CapEff = capEff(e.Pid)
		case e.Phase == narrate.Done:
			r.Ran = true
		}
		return nil
	}}
	c := RunCmd{containerFlags: containerFlags{runFlags: j.Flags, Rm: true, imageFlags: imageFlags{Pull: pullNever, Quiet: true}}, Words: j.Words}
	code, err := c.run(a, nil)
	r.Code, r.Stdout, r.Stderr = code, out.told(), errs.told()
	var failed *sandbox.StepError
	switch {
	case errors.As(err, &failed):
		r.Code, r.Step, r.Error = failed.Code, failed.Step, failed.Text
	case err != nil && code == 0:
		r.Code, r.Error = codeOf(err), err.Error()
	}
	return r
}

// A head keeps the beginning of what is written to it: what goes beside other
// output has to be short, and a program may write without end.
type head struct {
	mu   sync.Mutex
	kept []byte
	lost int
}

func (h *head) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := min(len(p), headSize-len(h.kept))
	h.kept, h.lost = append(h.kept, p[:n]...), h.lost+len(p)-n
	return len(p), nil
}

const headSize = 64 << 10

// told is what was kept, and how much was not.
func (h *head) told() []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lost > 0 {
		return fmt.Appendf(h.kept, "\n… and %d bytes more", h.lost)
	}
	return h.kept
}

// capEff is the effective set of a process, as the kernel tells it.
func capEff(pid int) string {
	for _, f := range evidence.Now("caps.set", evidence.Subject{Pid: pid}) {
		if f.Fact == whatif.FactCapEff {
			return f.After
		}
	}
	return ""
}
