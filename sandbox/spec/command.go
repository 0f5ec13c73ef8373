package spec

import (
	"fmt"
	"path"
)

// buildCommand sets what is executed, and where.
func buildCommand(in *Input, res *Result) error {
	args, err := command(in)
	if err != nil {
		return err
	}
	res.Spec.Process.Args = args
	// In the host's PID namespace the container has no PID 1 and no orphans to reap.
	res.Init = in.Options.Init && in.Options.PID != modeHost
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
