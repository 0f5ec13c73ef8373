package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/sandbox/cgroup"
)

// This file lets another program into a container that runs: `learnbox exec`.
//
// The init's program is started once more, in the container's control group but
// outside of all its namespaces. It joins them by setns(2), gives up what the
// container's own init gave up, and only then bears the process that becomes the
// program (birth_linux.go): a pid namespace is entered by being born in it. So
// nothing of the host is ever to be seen from inside.

// pidfdFD is where a process that enters finds the container's first process.
const pidfdFD = 4

// Enter starts a program in a container. The caller waits for it.
//
// Errors: *StepError; ErrGone.
func Enter(ctx context.Context, o EnterOptions) (*Process, error) {
	h, err := cgroup.Detect()
	if err != nil {
		return nil, err
	}
	target, err := hold(o.Pid, o.Cgroup)
	if err != nil {
		return nil, err
	}
	defer target.Close()
	group, err := cgroup.Open(h, o.Cgroup)
	if err == nil && o.Apart != "" {
		group, err = cgroup.Create(h, o.Cgroup+"/"+o.Apart)
	}
	if err != nil {
		return nil, err
	}
	i := newInit(o.CloneOptions)
	i.enters, i.apart, i.target, i.group, i.filter = true, o.Apart != "", target, group, o.Filter
	i.Config = Config{
		Spec: &specs.Spec{Process: withOpenFiles(*o.Process, o.Pid), Linux: &specs.Linux{Namespaces: o.Namespaces}},
		Size: o.Size, Unconfined: o.Unconfined, OwnFilter: o.OwnFilter, Stay: o.Stay,
	}
	stop := context.AfterFunc(ctx, i.killInit)
	defer stop()
	err = take(ctx, i, enterTable())
	if err == nil || errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) { // it has ended, and has said why
		err = cmp.Or(i.listen(), err)
	}
	if err != nil {
		i.Abort()
		if ended(target, err) {
			err = ErrGone
		}
		return nil, cmp.Or(ctx.Err(), err)
	}
	i.ch.close()
	p := &Process{Pid: i.pid, Terminal: i.terminal, Warnings: i.warnings, enters: true}
	if i.apart {
		p.group = i.group
	}
	return p, nil
}

// handOver makes the newborn process the one that is waited for.
func (i *Init) handOver() error {
	if !i.keeps {
		if _, err := linux.Reap(i.pid); err != nil {
			return err
		}
	}
	i.pid, i.born = i.born, 0
	return nil
}

// ended reports whether a process has ended, which may be why err came. Whoever is
// about to end has no namespaces any more a moment before the kernel says so, and
// kills all others in its pid namespace before: then the newborn dies unheard (exec.start).
func ended(target *os.File, err error) bool {
	failed, ok := errors.AsType[*StepError](err)
	if ok && failed.Step == "exec.join" && strings.HasSuffix(failed.Text, "(ESRCH)") { // setns(2); others may keep it a zombie
		return true
	}
	if ok && slices.Contains([]string{"exec.join", "exec.clone", "exec.start"}, failed.Step) {
		return linux.HasEnded(target, time.Second)
	}
	return linux.HasEnded(target, 0)
}

// hold opens the container's first process, before it is looked at: what is entered is what
// was looked at. It may be in a group below the container's, as systemd is.
func hold(pid int, group string) (*os.File, error) {
	target, err := linux.OpenProcess(pid)
	if errors.Is(err, unix.ESRCH) {
		return nil, ErrGone
	}
	if err != nil {
		return nil, err
	}
	member, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	for line := range strings.Lines(string(member)) {
		if strings.Contains(strings.TrimSpace(line)+"/", "/"+group+"/") {
			return target, nil
		}
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		err = ErrGone
	}
	return nil, errors.Join(err, target.Close())
}

// withOpenFiles adds to a program's limits how many files it may open: as many as
// the container's first process. The runtime of Go raises that limit for itself,
// and hides from us what it was.
func withOpenFiles(p specs.Process, of int) *specs.Process {
	named := func(l specs.POSIXRlimit) bool { return l.Type == "RLIMIT_NOFILE" }
	var its, ours unix.Rlimit
	if slices.ContainsFunc(p.Rlimits, named) ||
		unix.Prlimit(of, unix.RLIMIT_NOFILE, nil, &its) != nil || unix.Getrlimit(unix.RLIMIT_NOFILE, &ours) != nil {
		return &p
	}
	limit := specs.POSIXRlimit{Type: "RLIMIT_NOFILE", Soft: min(its.Cur, ours.Max), Hard: ours.Max}
	p.Rlimits = append(slices.Clone(p.Rlimits), limit)
	return &p
}

// enterTable is the parent's part.
func enterTable() []step[*Init] {
	return []step[*Init]{
		row("exec.start", "A process that will enter",
			"in the container's control group from its birth on, but not yet where the container could see it",
			nil, (*Init).clone),
		row("init.plan", "The init hears what to do",
			"it knows nothing of the container yet",
			nil, (*Init).sendPlan),
		row("init.go", "The word to go on",
			"it brings the filter for system calls",
			nil, (*Init).release),
	}
}

// EnterSteps lists the steps of an exec that a run has not.
func EnterSteps() []narrate.Step {
	var all []narrate.Step
	for _, s := range enterTable() {
		all = append(all, s.Step)
	}
	for _, s := range joinSteps() {
		all = append(all, s.Step)
	}
	return slices.DeleteFunc(all, func(s narrate.Step) bool { return !strings.HasPrefix(s.ID, "exec.") })
}

// joinSteps are taken by the process that enters, from exec.clone on by the one
// that becomes the program.
func joinSteps() []step[*guest] {
	return slices.Concat([]step[*guest]{
		row("exec.join", "The container's namespaces",
			"first, so that all that follows happens inside; the pid namespace will be that of its children only",
			nil, (*guest).join),
		row("exec.tty", "A terminal",
			"from the container's own devpts",
			terminal, (*guest).openOwnTerminal),
	}, stepsNamed("process.cwd", "limits.rlimits", "limits.oom", "init.wait", "caps.bound", "user.set", "privs.no_new"), []step[*guest]{
		only(ownFilter(false), stepsNamed("seccomp.load")[0]),
		row("exec.clone", "A process in the container's pid namespace",
			"last, when it has nothing left that the container could want",
			nil, (*guest).bear),
	}, stepsNamed("tty.session"), []step[*guest]{
		only(ownFilter(true), stepsNamed("seccomp.load")[0]),
	}, stepsNamed("caps.set", "process.exec"))
}

// ownFilter tells where the filter is loaded. Docker's allows what bears a process and
// makes it the program, so it is there before that process is; the user's may not.
func ownFilter(own bool) func(*plan) bool {
	return func(p *plan) bool { return p.OwnFilter == own && !p.Unconfined }
}

func only(needed func(*plan) bool, s step[*guest]) step[*guest] {
	s.needed = needed
	return s
}

// stepsNamed are rows of the init's table, in its order.
func stepsNamed(ids ...string) []step[*guest] {
	var rows []step[*guest]
	for _, s := range initSteps() {
		for _, id := range ids {
			if s.ID == id {
				rows = append(rows, s)
			}
		}
	}
	return rows
}
