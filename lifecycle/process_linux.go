package lifecycle

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/atomicfile"
	"github.com/learnbox/learnbox/internal/linux"
)

// This file is the monitor's own process.

// RunMonitor is all that a monitor's process does. It returns when its container
// is at rest. Its caller has locked the goroutine to the leader thread, which must
// live as long as the init: see linux.DieWithParent. A second argument says that
// somebody is attached.
func RunMonitor(args []string) int {
	others := attachFD
	if len(args) > 1 {
		others++
	}
	_ = unix.CloseRange(uint(others), ^uint(0), 0) // what the command's caller had open
	// No terminal is ours. Signals are received and forgotten; ignored ones would be
	// ignored in the container, too (execve(2)).
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP, unix.SIGINT, unix.SIGPIPE)
	_ = linux.SetName(MonitorName) // it was executed by a descriptor
	_, _ = unix.Setsid()           // it is no group leader, so this cannot fail
	// With --pid host the program's orphans are ours, and not the machine's.
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	unix.CloseOnExec(jobFD)
	unix.CloseOnExec(lockFD)
	if others > attachFD {
		unix.CloseOnExec(attachFD)
	}
	unix.Umask(0o022)
	socket := os.NewFile(jobFD, "socket to the command")
	in, out := bufio.NewReader(socket), json.NewEncoder(socket)
	say := func(w word) { _ = out.Encode(w) } // the command may have been killed; the container runs all the same
	j, live, err := takeJob(in, out, say)
	var b beginning
	if err != nil {
		b = failure(err)
		b.Lent = j.Lent != nil && !j.Lent.saved
	} else {
		b.Pid, b.Warnings = live.Pid, live.Warnings
	}
	say(word{Begun: &b})
	socket.Close()
	if err != nil {
		return 1
	}
	m := live.watch(j)
	go m.troubles.watch(m)
	go m.reapStrays()
	_, _ = m.Wait() // the state file tells
	return 0
}

// reapStrays takes the status of children that are not the program. A health check has some
// of its own, and reaps the others when it is done.
func (m *Monitor) reapStrays() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, unix.SIGCHLD)
	for ; ; <-ended { // the first look is for those that came before
		m.mu.Lock() // a program that is started again is not taken for one
		if m.checker == nil || !m.checker.entering {
			m.live.ReapStrays()
		}
		m.mu.Unlock()
	}
}

// watch is Oversee for a process that does nothing else: it can start the program
// again, and look after its health.
func (r *Live) watch(j job) *Monitor {
	m := r.monitor()
	m.reviver = newReviver(j)
	if r.record.Health.Argv() != nil {
		m.checker = &checker{check: r.record.Health, job: j}
	}
	if j.Attached {
		first := os.NewFile(attachFD, "connection of the command")
		conn, err := net.FileConn(first)
		first.Close()
		if err == nil {
			m.admit(conn)
		}
	}
	m.hearProgram()
	go m.listen()
	return m
}

// takeJob reads the job and starts the container.
func takeJob(in *bufio.Reader, out *json.Encoder, say func(word)) (j job, live *Live, err error) {
	if err := readLine(in, &j); err != nil {
		return j, nil, err
	}
	lock, n := atomicfile.Inherit(os.NewFile(lockFD, "lock")), j.narrator(out, in)
	if j.Lent != nil {
		live, err = j.startLent(context.Background(), lock, in, say, n)
	} else {
		live, err = j.start(context.Background(), lock, n)
	}
	return j, live, err
}
