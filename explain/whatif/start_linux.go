package whatif

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
)

// A Shield is one that runs, as its starter holds it. Close must be called.
type Shield struct {
	pid    int
	talk   *os.File
	lines  *bufio.Reader
	before map[string]bool // the rows of its mount table
}

// kinds are the namespaces that a shield must not share with its starter.
func kinds() []string { return []string{"mnt", "uts", "ipc", "net", "pid", "cgroup"} }

// Descriptors of a shield: the socket to its starter, and the starter's namespaces.
const (
	talkFD      = 3
	namespaceFD = 4
)

// Group is the control group that a shield is born in.
type Group interface {
	FD() (*os.File, error)
	Inside(start func() error) error
}

// Start builds a shield and returns when it is ready. stderr is for what only a
// shield that breaks says.
func Start(ctx context.Context, s Setup, g Group, stderr *os.File) (_ *Shield, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, linux.Failed(err, "socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0)")
	}
	theirs := os.NewFile(uintptr(fds[1]), "socket to the starter")
	defer theirs.Close()
	sh := &Shield{talk: os.NewFile(uintptr(fds[0]), "socket to the shield")}
	sh.lines = bufio.NewReader(sh.talk)
	defer func() {
		if err != nil {
			err = errors.Join(err, sh.Close())
		}
	}()
	if err := sh.clone(g, stderr, theirs); err != nil {
		return nil, err
	}
	theirs.Close()
	stop := context.AfterFunc(ctx, func() { _ = unix.Kill(sh.pid, unix.SIGKILL) })
	defer stop()
	if err := json.NewEncoder(sh.talk).Encode(s); err != nil {
		return nil, fmt.Errorf("tell the shield: %w", err)
	}
	var ready struct{ Error string }
	if err := sh.hear(&ready); err != nil {
		return nil, err
	}
	if ready.Error != "" {
		return nil, fmt.Errorf("build a shield: %s", ready.Error)
	}
	sh.before, err = sh.mounts()
	return sh, err
}

// clone starts this very program as the first process of new namespaces.
func (sh *Shield) clone(g Group, stderr, theirs *os.File) error {
	self, err := linux.Open("/proc/self/exe", unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer self.Close()
	null, err := linux.Open(os.DevNull, unix.O_RDWR)
	if err != nil {
		return err
	}
	defer null.Close()
	p := linux.Program{
		File: self, Argv: []string{Name}, Env: os.Environ(), Files: []*os.File{null, null, cmp.Or(stderr, null), theirs},
		Namespaces: unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWNET | unix.CLONE_NEWPID,
	}
	for _, kind := range kinds() {
		ns, err := linux.Open("/proc/self/ns/"+kind, unix.O_RDONLY)
		if err != nil {
			return err
		}
		defer ns.Close()
		p.Files = append(p.Files, ns)
	}
	if p.Cgroup, err = g.FD(); err != nil {
		return err
	}
	if p.Cgroup != nil {
		defer p.Cgroup.Close()
	}
	return g.Inside(func() error {
		sh.pid, err = linux.StartProgram(p)
		return err
	})
}

func (sh *Shield) hear(v any) error {
	line, err := sh.lines.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("hear from the shield: %w", err)
	}
	return json.Unmarshal(line, v)
}

// Do gives the shield its job and waits for the result. The end of ctx ends the
// shield.
func (sh *Shield) Do(ctx context.Context, job, result any) error {
	stop := context.AfterFunc(ctx, func() { _ = unix.Kill(sh.pid, unix.SIGKILL) })
	defer stop()
	if err := json.NewEncoder(sh.talk).Encode(job); err != nil {
		return fmt.Errorf("tell the shield: %w", err)
	}
	if err := sh.hear(result); err != nil {
		return errors.Join(context.Cause(ctx), err)
	}
	return nil
}

// Fact reads from outside what became of the shield.
func (sh *Shield) Fact(name string) (string, error) {
	switch name {
	case FactHostname:
		return sh.hostname()
	case FactMounts:
		return sh.changed()
	}
	return "", nil
}

func (sh *Shield) proc(name string) string {
	return filepath.Join("/proc", strconv.Itoa(sh.pid), name)
}

func (sh *Shield) hostname() (name string, err error) {
	err = linux.Inside(sh.proc("ns/uts"), unix.CLONE_NEWUTS, func() error {
		name, err = os.Hostname()
		return err
	})
	return name, err
}

// mounts are the rows of the shield's mount table, by their number and place.
func (sh *Shield) mounts() (map[string]bool, error) {
	data, err := os.ReadFile(sh.proc("mountinfo"))
	if err != nil {
		return nil, err
	}
	rows := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) > 4 {
			rows[f[0]+" "+f[4]] = true
		}
	}
	return rows, nil
}

// changed says how the mount table differs from what it was at first.
func (sh *Shield) changed() (string, error) {
	after, err := sh.mounts()
	if err != nil {
		return "", err
	}
	come, gone := 0, 0
	exchanged := false
	for row := range after {
		if !sh.before[row] {
			come++
			exchanged = exchanged || strings.HasSuffix(row, " /")
		}
	}
	for row := range sh.before {
		if !after[row] {
			gone++
		}
	}
	switch {
	case come+gone == 0:
		return "as before", nil
	case exchanged:
		return "another root, the old one is gone", nil
	case gone == 0:
		return fmt.Sprintf("%d more", come), nil
	}
	return fmt.Sprintf("%d more, %d gone", come, gone), nil
}

// Close ends the shield and all that is in it.
func (sh *Shield) Close() error {
	err := sh.talk.Close()
	if sh.pid == 0 {
		return err
	}
	_ = unix.Kill(sh.pid, unix.SIGKILL) // it may have ended
	_, reapErr := linux.Reap(sh.pid)
	return errors.Join(err, reapErr)
}
