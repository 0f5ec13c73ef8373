//go:build !linux

package sandbox

import (
	"context"
	"errors"
	"os"
	"syscall"

	"github.com/learnbox/learnbox/sandbox/tty"
)

// A Process is a running container.
type Process struct {
	Pid      int
	Terminal *os.File
	Warnings []string
}

// Start needs Linux.
func Start(context.Context, Config) (*Process, error) {
	return nil, errors.New("containers need Linux")
}

// Init needs Linux.
func Init([]string) int { return 125 }

// Signal needs Linux.
func (p *Process) Signal(syscall.Signal) error { return errors.ErrUnsupported }

// Resize needs Linux.
func (p *Process) Resize(tty.Size) error { return errors.ErrUnsupported }

// Wait needs Linux.
func (p *Process) Wait() (Status, error) { return Status{}, errors.ErrUnsupported }
