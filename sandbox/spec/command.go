package spec

import (
	"fmt"
	"path"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// InitDestination is where --init puts its small init in the container: Docker's place.
const InitDestination = "/sbin/docker-init"

// buildCommand sets what is executed, and where.
func buildCommand(in *Input, res *Result) error {
	args, err := command(in)
	if err != nil {
		return err
	}
	if wantsInit(in) {
		if !path.IsAbs(in.InitPath) {
			return fmt.Errorf("--init: there is no init program to put into the container")
		}
		args = append([]string{InitDestination, "--"}, args...)
	}
	res.Spec.Process.Args = args
	res.Spec.Process.Cwd, err = workdir(in)
	return err
}

// command joins entrypoint and command. --entrypoint, even an empty one, also makes
// Docker forget the image's Cmd, which was written for the image's Entrypoint; and
// an Entrypoint of one empty word counts as none.
func command(in *Input) ([]string, error) {
	entrypoint, cmd := in.Image.Entrypoint, in.Options.Command
	switch {
	case in.Options.Entrypoint != nil:
		entrypoint = []string{*in.Options.Entrypoint}
	case len(cmd) == 0:
		cmd = in.Image.Cmd
	}
	if len(entrypoint) == 1 && entrypoint[0] == "" {
		entrypoint = nil
	}
	args := append(append([]string(nil), entrypoint...), cmd...)
	if len(args) == 0 || args[0] == "" {
		return nil, hinted("the image names no program to run: write one behind the image's name, as in \"IMAGE sh\"",
			"no command specified")
	}
	for _, arg := range args {
		if hasNUL(arg) {
			return nil, fmt.Errorf("argument %q: a program's arguments cannot contain a NUL byte", arg)
		}
	}
	return args, nil
}

// wantsInit: a container in the host's PID namespace is not PID 1 and has no orphans to reap.
func wantsInit(in *Input) bool { return in.Options.Init && in.Options.PID != modeHost }

func initMount(in *Input) specs.Mount {
	return specs.Mount{Destination: InitDestination, Type: "bind", Source: in.InitPath, Options: []string{"bind", "ro"}}
}

// workdir is cleaned by words alone; whether it lies inside the container, and not
// behind one of our own descriptors in /proc (CVE-2024-21626), the init checks when
// it is there.
func workdir(in *Input) (string, error) {
	dir := in.Options.Workdir
	if dir == "" {
		dir = in.Image.WorkingDir
	}
	if dir == "" {
		return "/", nil
	}
	if !path.IsAbs(dir) || hasNUL(dir) {
		return "", hinted("write it from the container's root on, as in -w /"+dir,
			"working directory %q is not an absolute path", dir)
	}
	return path.Clean(dir), nil
}
