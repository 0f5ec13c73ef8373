//go:build !linux

package sandbox

import (
	"context"
	"errors"
	"os"
	"syscall"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/sandbox/cgroup"
	"github.com/learnbox/learnbox/sandbox/tty"
)

// A Process is a running container.
type Process struct {
	Pid      int
	Terminal *os.File
	Warnings []string
}

// An Init is the first process of a container.
type Init struct{ CloneOptions }

// TraceCalls hears of none.
func TraceCalls(*narrate.Narrator, *[]narrate.Call) (stop func()) { return func() {} }

// An Outlined is a step as one container would take it.
type Outlined struct {
	narrate.Step
	Needed bool
	Args   func() []string
	Flag   string
	Adds   bool
	Mounts []string
}

// Outline needs Linux.
func Outline(Config, CloneOptions) ([]Outlined, error) { return nil, errors.ErrUnsupported }

// Steps are none.
func Steps() []narrate.Step { return nil }

// EnterSteps needs Linux.
func EnterSteps() []narrate.Step { return nil }

// Clone needs Linux.
func Clone(context.Context, CloneOptions) (*Init, error) {
	return nil, errors.New("containers need Linux")
}

// Enter needs Linux.
func Enter(context.Context, EnterOptions) (*Process, error) { return nil, errors.ErrUnsupported }

// Start needs Linux.
func (i *Init) Start(context.Context, Config) (*Process, error) { return nil, errors.ErrUnsupported }

// Abort needs Linux.
func (i *Init) Abort() {}

// RunInit needs Linux.
func RunInit([]string) int { return 125 }

// Signal needs Linux.
func (p *Process) Signal(syscall.Signal) error { return errors.ErrUnsupported }

// Resize needs Linux.
func (p *Process) Resize(tty.Size) error { return errors.ErrUnsupported }

// Pause needs Linux.
func (p *Process) Pause() error { return errors.ErrUnsupported }

// Resume needs Linux.
func (p *Process) Resume() error { return errors.ErrUnsupported }

// Update needs Linux.
func (p *Process) Update(*specs.LinuxResources, func() error) ([]string, error) {
	return nil, errors.ErrUnsupported
}

// Reach is nothing.
func (p *Process) Reach() Reach { return Reach{} }

// Count is nothing.
func (p *Process) Count() cgroup.Count { return cgroup.Count{} }

// Watch needs Linux.
func (p *Process) Watch() (grown <-chan struct{}, stop func(), err error) {
	return nil, nil, errors.ErrUnsupported
}

// AwaitEnd needs Linux.
func (p *Process) AwaitEnd() error { return errors.ErrUnsupported }

// ReapStrays needs Linux.
func (p *Process) ReapStrays() {}

// Wait needs Linux.
func (p *Process) Wait() (Status, error) { return Status{}, errors.ErrUnsupported }
