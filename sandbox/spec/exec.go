package spec

import (
	"errors"
	"fmt"
	"io"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/sandbox/caps"
)

// ExecOptions are what a user may say of another program in a container that runs,
// Docker's words, as typed.
type ExecOptions struct {
	Command         []string
	TTY, Privileged bool
	Env             []string
	Workdir, User   string

	Environ      []string // for "-e NAME" without a value
	Capabilities []string // the caller's bounding set, CAP_…: what Privileged grants
	// Passwd and Group open the container's files, as they are now; see Input.
	Passwd, Group func() (io.ReadCloser, error)
}

// BuildExec returns the process for another program in a container: that of the
// container's config.json, changed as docker exec does. Its errors are the user's to mend.
func BuildExec(first specs.Process, o ExecOptions) (*specs.Process, error) {
	p := first
	p.Args, p.Terminal = o.Command, o.TTY
	if len(o.Command) == 0 || o.Command[0] == "" {
		return nil, errors.New("no command specified")
	}
	for _, arg := range o.Command {
		if hasNUL(arg) {
			return nil, fmt.Errorf("argument %q: a program's arguments cannot contain a NUL byte", arg)
		}
	}
	in := &Input{Options: Options{Workdir: o.Workdir, User: o.User}, Passwd: o.Passwd, Group: o.Group}
	if o.Workdir != "" {
		var err error
		if p.Cwd, err = workdir(in); err != nil {
			return nil, err
		}
	}
	env := environment(slices.Clone(first.Env))
	env.setTerm(first.Terminal, o.TTY)
	if o.User != "" {
		if err := execUser(in, &p, &env); err != nil {
			return nil, err
		}
	}
	if err := env.setAll(o.Env, o.Environ, nil); err != nil {
		return nil, err
	}
	p.Env = env
	if o.Privileged {
		granted := (caps.All() & hostCapabilities(o.Capabilities)).Names()
		p.Capabilities = &specs.LinuxCapabilities{Bounding: granted, Permitted: granted, Effective: granted}
	}
	return &p, nil
}

// setTerm gives a program with a terminal a TERM, if the container has none, and takes
// the one of the container's own terminal away from a program without.
func (e *environment) setTerm(had, has bool) {
	switch {
	case has && e.get("TERM") == "":
		e.set(defaultTerm)
	case !has && had && slices.Contains(*e, defaultTerm):
		e.unset("TERM")
	}
}

// execUser changes the user, and HOME with him if the container's is that of its own
// user, which Build put last, and not one that somebody chose.
func execUser(in *Input, p *specs.Process, env *environment) error {
	own, err := findUser(in, fmt.Sprint(p.User.UID))
	chosen := err != nil || len(*env) == 0 || (*env)[len(*env)-1] != "HOME="+own.home
	umask := p.User.Umask
	res := Result{Spec: &specs.Spec{Process: p}}
	if err := buildUser(in, &res); err != nil {
		return err
	}
	p.User.Umask = umask
	if !chosen {
		env.set("HOME=" + res.home)
	}
	return nil
}
