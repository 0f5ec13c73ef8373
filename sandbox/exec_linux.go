package sandbox

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
	"github.com/learnbox/learnbox/narrate"
)

// exec replaces the init by the program, or by the small init that runs it.
func (g *guest) exec() error {
	p := g.Process
	setUmask(p.User)
	if err := linux.CloseOnExecFrom(channelFD); err != nil {
		return err
	}
	path, err := lookPath(p.Args[0], p.Env)
	if err != nil {
		return err
	}
	if g.Reaper {
		return g.execReaper(path)
	}
	linux.ShowExecve(path, p.Args, p.Env)
	if err := g.announce(g.calls); err != nil {
		return err
	}
	return diagnose(path, linux.Execve(path, p.Args, p.Env))
}

func setUmask(u specs.User) {
	umask := uint32(0o022)
	if u.Umask != nil {
		umask = *u.Umask
	}
	unix.Umask(int(umask))
}

// announce tells the parent, once, that the execve comes, and which calls led to it.
func (g *guest) announce(calls []narrate.Call) error {
	if g.announced {
		return nil
	}
	g.announced = true
	return g.ch.send(&message{Exec: true, Calls: calls}, nil)
}

// lookPath finds a program as execvp(3) does: a name with a slash is a path,
// any other is looked for in the container's PATH.
func lookPath(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	var search string
	for _, v := range env {
		if s, ok := strings.CutPrefix(v, "PATH="); ok {
			search = s
		}
	}
	var denied string
	for _, dir := range filepath.SplitList(search) {
		path := filepath.Join("/", dir, name)
		info, err := os.Stat(path)
		switch {
		case err != nil || info.IsDir():
		case info.Mode()&0o111 == 0:
			denied = path
		default:
			return path, nil
		}
	}
	if denied != "" {
		return denied, nil // execve will say what is wrong with it
	}
	return "", notInPath(name, search)
}

// errnoOf is the errno at the root of err, or 0.
func errnoOf(err error) syscall.Errno {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	if errors.Is(err, fs.ErrNotExist) {
		return unix.ENOENT
	}
	return 0
}
