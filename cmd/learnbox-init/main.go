// The Go runtime keeps its cgroup's CPU limit open and rereads it every second; nobody here wants that.
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0

// Command learnbox-init is the first process of a container: it builds the
// container around itself and then becomes the user's program.
//
// It is a program of its own so that it starts quickly. Every package that a Go
// program links is initialised before main, needed or not; learnbox brings a
// registry client and a command line, the init only package sandbox.
// scripts/build puts it inside learnbox, which stays the one file that people
// install. See docs/decisions/0005-init.md.
package main

import (
	"os"

	"github.com/learnbox/learnbox/internal/linux"
	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/sandbox"
)

// The steps of the init change its leader thread, and only an init function
// runs there for certain.
func init() { linux.LockThread() }

func main() {
	if os.Args[0] == lifecycle.MonitorName {
		os.Exit(lifecycle.RunMonitor(os.Args))
	}
	os.Exit(sandbox.RunInit(os.Args))
}
