package main

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The keys at a stop, and what a terminal may do there.

func TestKeysAtAStop(t *testing.T) {
	s := startSession(t, "run", "--rm", "--break", "ns.net", "-it", "tiny", "sh")
	s.see("stopped before ns.net; the container's first process is ")
	s.see("here      n: next step, c: continue, q: give up")
	s.typeIn("xn") // x is no key, and is passed over
	s.see("A network of its own")
	s.see("stopped before net.loopback")
	s.typeIn("c")
	s.see("total, until the program runs")
	s.see("# ")
	s.typeIn("stty -a | grep -o ' icanon'; exit 5\r") // the terminal behaves as one again
	s.see(" icanon")
	if code := s.end(); code != 5 {
		t.Errorf("exit code %d, want 5", code)
	}
}

func TestGivingUpAtAStop(t *testing.T) {
	s := startSession(t, "run", "--break", "rootfs.pivot", "tiny", "true")
	before, err := unix.IoctlGetTermios(int(s.tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	s.see("stopped before rootfs.pivot")
	s.typeIn("q")
	s.see("given up at a breakpoint")
	if code := s.end(); code != 125 {
		t.Errorf("exit code %d, want 125", code)
	}
	if after, err := unix.IoctlGetTermios(int(s.tty.Fd()), unix.TCGETS); err == nil && after.Lflag != before.Lflag {
		t.Errorf("the terminal is left in another mode: %#x, want %#x", after.Lflag, before.Lflag)
	}
}

func TestCtrlCAtAStop(t *testing.T) {
	s := startSession(t, "run", "--break", "caps.set", "tiny", "true")
	s.see("stopped before caps.set")
	s.typeIn("\x03")
	if code := s.end(); code != 130 {
		t.Errorf("exit code %d, want 130", code)
	}
}

func TestATerminalThatGoesAwayAtAStop(t *testing.T) {
	s := startSession(t, "run", "--break", "caps.set", "tiny", "true")
	s.see("stopped before caps.set")
	s.tty.Close()
	if code := s.end(); code != 129 {
		t.Errorf("exit code %d, want 129", code)
	}
}

func TestColourIsForTerminalsThatWantIt(t *testing.T) {
	for env, want := range map[string]bool{"NO_COLOR=": true, "NO_COLOR=1": false} {
		t.Run(env, func(t *testing.T) {
			cmd := learnboxCommand(t, "run", "--rm", "tiny", "true")
			cmd.Env = append(cmd.Env, env)
			s := startCommand(t, cmd)
			s.see("total, until the program runs")
			s.end()
			if got := strings.Contains(s.seen(), "\x1b["); got != want {
				t.Errorf("coloured: %v, want %v", got, want)
			}
		})
	}
}
