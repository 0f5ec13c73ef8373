package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/privtest"
)

// parentOf is the parent of a process.
func parentOf(t *testing.T, pid int) int {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(stat[strings.LastIndex(string(stat), ")")+1:]))
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		t.Fatal(err)
	}
	return parent
}

// pidOf is the first process of the only container.
func (b bench) pidOf(t *testing.T) int {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(b.root, "containers", "[0-9a-f]*", "state"))
	if err != nil || len(dirs) != 1 {
		t.Fatalf("states: %v, %v", dirs, err)
	}
	for line := range strings.Lines(readText(t, dirs[0])) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), `"Pid": `); ok {
			pid, err := strconv.Atoi(strings.TrimSuffix(value, ","))
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
	}
	t.Fatal("the state names no process")
	return 0
}

// TestOrphansOfHostPIDs: those of a program in the machine's pid namespace are the monitor's.
func TestOrphansOfHostPIDs(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	for who, flags := range map[string][]string{"as it is": nil, "with health checks": {"--health-cmd=true", "--health-interval=1h"}} {
		t.Run(who, func(t *testing.T) {
			privtest.NoTrace(t)
			b.must(t, append(append([]string{"run", "-d", "--pid", "host", "--name", "box"}, flags...),
				"tiny", "sh", "-c", "(sleep 1000 &); (sleep 0.1 &); (sleep 0.3 &); exec sleep 2000")...)
			monitor := parentOf(t, b.pidOf(t))
			for deadline := time.Now().Add(10 * time.Second); ; <-time.After(20 * time.Millisecond) {
				names := childrenOf(monitor)
				if slices.Equal(names, []string{"S sleep 1000", "S sleep 2000"}) {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("the monitor's children are %q", names)
				}
			}
			b.must(t, "rm", "-f", "box")
			b.nothingLeft(t)
		})
	}
}

// childrenOf are the children of a process, by their state and their command line.
func childrenOf(parent int) []string {
	var found []string
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range stats {
		data, err := os.ReadFile(file)
		_, fields, _ := strings.Cut(string(data), ") ")
		if f := strings.Fields(fields); err == nil && len(f) > 1 && f[1] == strconv.Itoa(parent) {
			line, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
			found = append(found, f[0]+" "+strings.TrimSpace(strings.ReplaceAll(string(line), "\x00", " ")))
		}
	}
	slices.Sort(found)
	return found
}

// TestMonitorsLife: who is whose parent, and what is left when one is killed.
func TestMonitorsLife(t *testing.T) {
	for _, c := range []struct {
		name   string
		kill   func(t *testing.T, program, monitor int)
		status string
	}{
		{"the program is killed", func(_ *testing.T, program, _ int) { _ = unix.Kill(program, unix.SIGKILL) }, "Exited (137)"},
		{"the monitor is killed", func(_ *testing.T, _, monitor int) { _ = unix.Kill(monitor, unix.SIGKILL) }, "Exited (137)"},
		{"both are killed", func(_ *testing.T, program, monitor int) {
			_ = unix.Kill(monitor, unix.SIGKILL)
			_ = unix.Kill(program, unix.SIGKILL)
		}, "Exited (137)"},
		{"the monitor hears of a terminal that went away", func(t *testing.T, program, monitor int) {
			t.Helper()
			_ = unix.Kill(monitor, unix.SIGHUP)
			_ = unix.Kill(monitor, unix.SIGINT)
			time.Sleep(50 * time.Millisecond)
			if parentOf(t, program) != monitor {
				t.Error("the monitor is gone")
			}
		}, "Up "},
	} {
		t.Run(c.name, func(t *testing.T) {
			privtest.NoTrace(t)
			b := newBench(t)
			b.must(t, "run", "-d", "--name", "box", "tiny", "sleep", "1000")
			program := b.pidOf(t)
			monitor := parentOf(t, program)
			if session, err := unix.Getsid(monitor); err != nil || session != monitor {
				t.Errorf("the monitor's session is %d (%v), its PID %d", session, err, monitor)
			}
			c.kill(t, program, monitor)
			deadline := time.Now().Add(10 * time.Second)
			for {
				list := b.must(t, "ps", "-a")
				if strings.Contains(list, c.status) {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("ps says\n%s\nwant %s", list, c.status)
				}
				time.Sleep(20 * time.Millisecond)
			}
			b.must(t, "rm", "-f", "box")
			b.nothingLeft(t)
		})
	}
}

func TestAttachInATerminal(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	b.must(t, "run", "-dit", "--name", "box", "tiny", "sh")
	first := startCommand(t, b.command(t, "learnbox", "attach", "box"))
	first.typeIn("echo one $((40 + 2))\r")
	first.see("one 42")
	second := startCommand(t, b.command(t, "learnbox", "attach", "box"))
	second.typeIn("stty size\r")
	second.see("31 97") // the terminal's size came along
	first.see("31 97")  // both see it
	first.typeIn("\x10\x11")
	if code := first.end(); code != 0 {
		t.Errorf("detach keys end with %d", code)
	}
	second.typeIn("exit 6\r")
	if code := second.end(); code != 6 {
		t.Errorf("attach ends with %d, want the program's 6", code)
	}
	b.must(t, "rm", "box")
	b.nothingLeft(t)
}

func TestManyInTheBackground(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	b.must(t, "run", "--rm", "tiny", "true")
	const many = 30
	var wg sync.WaitGroup
	for i := range many {
		wg.Go(func() {
			cmd := b.command(t, "learnbox", "run", "-d", "--name", fmt.Sprintf("box%d", i), "tiny", "sleep", "1000")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	wg.Wait()
	ids := strings.Fields(b.must(t, "ps", "-q"))
	if len(ids) != many {
		t.Errorf("%d containers run, want %d", len(ids), many)
	}
	b.must(t, append([]string{"rm", "-f"}, ids...)...)
	b.nothingLeft(t)
}
