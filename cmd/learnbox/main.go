// The Go runtime keeps its cgroup's CPU limit open and rereads it every second; nobody here wants that.
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0

// Command learnbox pulls images and runs them in containers, and explains how.
//
// This package is the table of contents. Each verb has one file and one struct
// whose fields are its flags; what a verb does is written in the packages it
// calls, and here stands only which of them, in which order, with which words
// on the terminal. Words, flags, columns and exit codes are Docker's wherever
// Docker has them, because that is what learners bring along.
//
// The contract of the output: stdout is the answer and nothing else, stderr is
// everything else. An error reads "learnbox: VERB: what: why", and where the way
// out is known a second line begins with "hint:". Exit codes are 0 for done, 1 for
// failed, 2 for wrong usage, 125 to 127 when run could not start the program,
// and 128 plus the number of the signal that ended it.
//
// What it leaves out: it knows no registry protocol, no tar and no system call
// of its own.
package main

import (
	"os"

	"github.com/learnbox/learnbox/explain/whatif"
	"github.com/learnbox/learnbox/internal/linux"
	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/sandbox"
)

// A learnbox without an embedded init acts as one itself: see cmd/learnbox-init.
// A shield unshares a namespace that belongs to a thread: see explain/whatif.
func init() {
	switch os.Args[0] {
	case sandbox.InitName, lifecycle.MonitorName, whatif.Name:
		linux.LockThread()
	}
}

func main() {
	switch os.Args[0] {
	case sandbox.InitName:
		os.Exit(sandbox.RunInit(os.Args))
	case lifecycle.MonitorName:
		os.Exit(lifecycle.RunMonitor(os.Args))
	case whatif.Name:
		os.Exit(shielded(os.Args, os.Stdin, os.Stderr))
	}
	os.Exit(run(os.Args, os.Stdin, os.Stdout, os.Stderr))
}
