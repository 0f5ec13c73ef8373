package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/sandbox/spec"
)

// ExecCmd is "learnbox exec".
type ExecCmd struct {
	Interactive bool     `short:"i" help:"Keep standard input open."`
	TTY         bool     `name:"tty" short:"t" help:"Give the program a terminal."`
	Detach      bool     `short:"d" help:"Return at once; the program runs on."`
	Env         []string `short:"e" sep:"none" placeholder:"NAME[=VALUE]" help:"Set an environment variable, or pass this one on."`
	EnvFile     []string `sep:"none" placeholder:"FILE" help:"Read environment variables from a file."`
	Workdir     string   `short:"w" placeholder:"DIR" help:"Working directory inside the container."`
	User        string   `short:"u" placeholder:"USER[:GROUP]" help:"Names or numbers of the program's user and group."`
	Privileged  bool     `help:"Grant all capabilities, and load no filter for system calls."`
	explainFlags
	Words []string `arg:"" passthrough:"" placeholder:"CONTAINER COMMAND [ARG...]" help:"A running container, and what to run in it."`
}

// Help is printed below the flags.
func (ExecCmd) Help() string {
	return `Runs another program in a container that runs: in its namespaces and its control
group, with its limits on capabilities and system calls. The exit code is the
program's.

Examples:
  learnbox exec web ps
  learnbox exec -it web sh
  learnbox exec -u 1000 -w /tmp -e A=1 web env`
}

// KeepsSignals marks exec as a verb that passes signals on.
func (ExecCmd) KeepsSignals() {}

// Run does the verb. As in Docker, a container that cannot be entered is 1.
func (c *ExecCmd) Run(a *app) error {
	if strings.HasPrefix(c.Words[0], "-") {
		return usageError("unknown flag %s", c.Words[0])
	}
	if len(c.Words) < 2 {
		return usageError("COMMAND is missing")
	}
	if c.Interactive && c.TTY && !isTerminal(a.stdin) {
		return errNotATerminal
	}
	code, err := c.exec(a)
	if err != nil {
		return exitError{execCode(err), a.asRoot("enter containers", err)}
	}
	return exitError{code: code}
}

// execCode is the exit code of exec for an error.
func execCode(err error) int {
	if errors.Is(err, lifecycle.ErrNotFound) || errors.Is(err, lifecycle.ErrNotRunning) {
		return exitFailed
	}
	return codeOf(err)
}

func (c *ExecCmd) exec(a *app) (code int, err error) {
	proxy, ctx := newSignalProxy(a.ctx)
	defer func() { err = endedBySignal(ctx, err) }()
	all, err := a.containers("exec")
	if err != nil {
		return 0, err
	}
	ct, err := all.Find(c.Words[0])
	if err != nil {
		return 0, unknownContainer(err)
	}
	if err := a.may(ct, c.Words[0], lifecycle.ToEnter); err != nil {
		return 0, exitError{exitFailed, fmt.Errorf("%s: %w", c.Words[0], err)}
	}
	told, err := c.tell(ctx, a, ct.Image, c.Detach, &stopFlags{})
	if err != nil {
		return 0, err
	}
	defer told()
	o, err := c.options(a, all, ct)
	if err != nil {
		return 0, err
	}
	program, err := all.Exec(ctx, ct, o)
	if errors.Is(err, lifecycle.ErrNotRunning) { // any more
		err = fmt.Errorf("%s: %w", c.Words[0], err)
	}
	if err != nil {
		return 0, err
	}
	for _, w := range program.Warnings {
		a.warn("exec", w)
	}
	if c.Detach {
		return 0, nil
	}
	return c.follow(a, program, proxy)
}

// follow connects the user's streams with the program's until it has ended.
func (c *ExecCmd) follow(a *app, program *lifecycle.Exec, proxy *signalProxy) (code int, err error) {
	if a.teller != nil {
		<-a.teller.Running()
		a.teller.Mute()
	}
	if c.TTY && c.Interactive {
		restore, err := makeRaw(a.stdin)
		if err != nil {
			_ = program.Signal(9)
			_, waitErr := program.Wait()
			return 0, errors.Join(err, waitErr)
		}
		defer restore()
	}
	var stdin io.Reader
	if c.Interactive {
		stdin = a.stdin
	}
	drain := program.Connect(stdin, a.stdout, a.stderr)
	go proxy.receiveAll()
	proxy.to(a, heldProgram{program.Process})
	status, err := program.Wait()
	return status.Code, errors.Join(err, drain())
}

// options are the container's own, changed by the flags.
func (c *ExecCmd) options(a *app, all *lifecycle.Containers, ct lifecycle.Container) (lifecycle.ExecOptions, error) {
	record, config, err := all.Definition(ct.ID)
	if err != nil {
		return lifecycle.ExecOptions{}, err
	}
	p, err := c.process(*config.Process, ct.State.Pid)
	if err != nil {
		return lifecycle.ExecOptions{}, err
	}
	o := lifecycle.ExecOptions{
		Process: p, Stdin: c.Interactive, Detach: c.Detach, Narrate: a.narrate,
		Unconfined: record.Seccomp == spec.SeccompUnconfined || c.Privileged, OwnFilter: record.Seccomp != "",
	}
	if c.TTY {
		o.Size = a.terminalSize()
	}
	if o.Unconfined {
		return o, nil
	}
	filter, err := a.seccompProfile(spec.Result{Spec: &specs.Spec{Process: p}, SeccompProfile: record.Seccomp})
	if err == nil {
		o.Filter, err = filter()
	}
	return o, err
}

// process is the container's own, changed by the flags. What is wrong with them is
// 126, as in Docker.
func (c *ExecCmd) process(first specs.Process, pid int) (*specs.Process, error) {
	env, err := readEnvFiles(c.EnvFile)
	if err != nil {
		return nil, err
	}
	root := fmt.Sprintf("/proc/%d/root", pid)
	o := spec.ExecOptions{
		Command: c.Words[1:], TTY: c.TTY, Privileged: c.Privileged,
		Env: append(env, c.Env...), Workdir: c.Workdir, User: c.User, Environ: os.Environ(),
		Passwd: imageFile(root, "etc/passwd"), Group: imageFile(root, "etc/group"),
	}
	if c.Privileged {
		host, err := hostFacts()
		if err != nil {
			return nil, err
		}
		o.Capabilities = host.Capabilities
	}
	p, err := spec.BuildExec(first, o)
	if err != nil {
		return nil, exitError{exitCannotRun, err}
	}
	return p, nil
}

// exitCannotRun is the exit code of exec when the program could not be started.
const exitCannotRun = 126
