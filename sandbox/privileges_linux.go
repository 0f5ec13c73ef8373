package sandbox

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
	"github.com/learnbox/learnbox/sandbox/caps"
	"github.com/learnbox/learnbox/sandbox/seccomp"
	"github.com/learnbox/learnbox/sandbox/tty"
)

// This file holds the steps that shape the process: who it is, what it may do.

func (g *guest) setHostname() error { return linux.SetHostname(g.Hostname) }

// setRlimits sets the limits one by one. One that may not be raised is worth
// a warning, not the run.
func (g *guest) setRlimits() error {
	for _, l := range g.Process.Rlimits {
		resource, err := rlimit(l.Type)
		if err != nil {
			return err
		}
		err = linux.SetRlimit(l.Type, resource, l.Soft, l.Hard)
		if errors.Is(err, unix.EPERM) {
			err = g.warn("%s stays as it is: %v; raising a hard limit needs CAP_SYS_RESOURCE, and RLIMIT_NOFILE ends at fs.nr_open", l.Type, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// awaitPidsLimit has the parent set the limit of processes: the init cannot
// reach its control group any more, and a thread of the Go runtime that could
// not be made would be its end.
func (g *guest) awaitPidsLimit() error {
	if err := g.ch.send(&message{PidsLimit: true}, nil); err != nil {
		return err
	}
	return g.hear()
}

// setOOMScore writes into a procfs of its own, for the reason that writeSysctls
// has. A score that may not be lowered is worth a warning, not the run.
func (g *guest) setOOMScore() error {
	proc, err := linux.NewMount("proc", 0)
	if err != nil {
		return err
	}
	defer proc.Close()
	f, err := linux.OpenIn(proc, fmt.Sprintf("%d/oom_score_adj", os.Getpid()), unix.O_WRONLY, 0, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_SYMLINKS)
	if err != nil {
		return err
	}
	err = linux.WriteOnce(f, strconv.Itoa(*g.Process.OOMScoreAdj))
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) {
		err = g.warn("oom_score_adj stays as it is: a lower one than it was born with (%d wanted) needs CAP_SYS_RESOURCE", *g.Process.OOMScoreAdj)
	}
	return errors.Join(err, f.Close())
}

// rlimit is the number of a limit by its name in setrlimit(2).
func rlimit(name string) (int, error) {
	switch name {
	case "RLIMIT_AS":
		return unix.RLIMIT_AS, nil
	case "RLIMIT_CORE":
		return unix.RLIMIT_CORE, nil
	case "RLIMIT_CPU":
		return unix.RLIMIT_CPU, nil
	case "RLIMIT_DATA":
		return unix.RLIMIT_DATA, nil
	case "RLIMIT_FSIZE":
		return unix.RLIMIT_FSIZE, nil
	case "RLIMIT_LOCKS":
		return unix.RLIMIT_LOCKS, nil
	case "RLIMIT_MEMLOCK":
		return unix.RLIMIT_MEMLOCK, nil
	case "RLIMIT_MSGQUEUE":
		return unix.RLIMIT_MSGQUEUE, nil
	case "RLIMIT_NICE":
		return unix.RLIMIT_NICE, nil
	case "RLIMIT_NOFILE":
		return unix.RLIMIT_NOFILE, nil
	case "RLIMIT_NPROC":
		return unix.RLIMIT_NPROC, nil
	case "RLIMIT_RSS":
		return unix.RLIMIT_RSS, nil
	case "RLIMIT_RTPRIO":
		return unix.RLIMIT_RTPRIO, nil
	case "RLIMIT_RTTIME":
		return unix.RLIMIT_RTTIME, nil
	case "RLIMIT_SIGPENDING":
		return unix.RLIMIT_SIGPENDING, nil
	case "RLIMIT_STACK":
		return unix.RLIMIT_STACK, nil
	}
	return 0, fmt.Errorf("unknown resource limit %s", name)
}

func (g *guest) newSession() error {
	if err := tty.NewSession(); err != nil {
		return err
	}
	if g.slave == nil {
		return nil
	}
	return tty.Adopt(g.slave)
}

// capabilities reads the set that the program gets. The plan's effective,
// permitted and bounding sets are one and the same; inheritable and ambient
// stay empty (CVE-2022-29162).
func (g *guest) capabilities() (caps.Set, error) {
	if g.Process.Capabilities == nil {
		return 0, nil
	}
	return caps.ParseAll(g.Process.Capabilities.Bounding)
}

func (g *guest) boundCaps() error {
	set, err := g.capabilities()
	if err != nil {
		return err
	}
	if err := caps.DropBounding(set); err != nil {
		return err
	}
	return caps.ClearAmbient()
}

// setUser becomes the program's user. Leaving uid 0 would drop all
// capabilities at once; they are kept for the two steps that still need one.
func (g *guest) setUser() error {
	g.ownStdio()
	u := g.Process.User
	groups := make([]int, len(u.AdditionalGids))
	for i, gid := range u.AdditionalGids {
		groups[i] = int(gid)
	}
	if err := caps.KeepOnSetuid(true); err != nil {
		return err
	}
	if err := linux.SetUser(u.UID, u.GID, groups); err != nil {
		return err
	}
	if err := linux.DieWithParent(); err != nil { // the change of user cleared it
		return err
	}
	if u.UID == 0 {
		return nil
	}
	set, err := g.capabilities()
	if err != nil {
		return err
	}
	admin, err := caps.Parse("SYS_ADMIN")
	if err != nil {
		return err
	}
	return caps.Apply(set | admin)
}

func (g *guest) noNewPrivs() error { return linux.NoNewPrivs() }

// loadFilter loads the filter. One of the user's may forbid the init to say anything
// afterwards, so then the execve is announced before it.
func (g *guest) loadFilter() error {
	program, err := seccomp.FromBytes(g.filter.Program)
	if err != nil {
		return err
	}
	if g.OwnFilter {
		if err := g.announce(nil); err != nil {
			return err
		}
		g.Narrate = false
	}
	return seccomp.Load(program, g.filter.Flags...)
}

func (g *guest) setCaps() error {
	set, err := g.capabilities()
	if err != nil {
		return err
	}
	return caps.Apply(set)
}
